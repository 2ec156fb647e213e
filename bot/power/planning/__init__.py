"""The plan: what would happen to each named server, and what forbids it."""
