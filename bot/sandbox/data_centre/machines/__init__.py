"""Servers that switch, fail and lie; no HTTP."""
