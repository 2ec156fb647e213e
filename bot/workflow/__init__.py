"""The story of a request: `workflow` tells it, each step has a module."""
