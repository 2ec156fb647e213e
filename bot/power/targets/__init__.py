"""Which servers are meant: terms, how they read together, what exists."""
