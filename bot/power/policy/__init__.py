"""The policy file: rules, limits, freezes, and how they are read."""
