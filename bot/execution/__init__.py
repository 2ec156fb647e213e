"""The parts of an approved request's run, which `executor` puts in order.

wave          the calls of a wave, one after another
checking      is it still right to act on these servers? barring: may another call leave?
calling       one power call: written down, sent once, its answer written down
watching      what became of the servers that were sent
lookback      what shows of a server after the run has ended
bookkeeping   what is written down while it goes on
"""
