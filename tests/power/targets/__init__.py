"""Which servers a text means."""
