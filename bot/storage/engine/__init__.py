"""Connections, dialects and files of the two databases."""
