"""What carries out an approved request; `executor` tells the story. All take one `context`.

send_wave       the calls of a wave, one after another
approval_check  does what was approved still stand?
preflight       which servers may be sent?
gate            may another call leave?
power_call      one power call: written down, sent once, its answer written down
poll            what became of the servers that were sent
poll_schedule   when their records are read again
lookback        what shows of a server after the run has ended
recorder        what is written down while it goes on
steps           what is done around a wave
"""
