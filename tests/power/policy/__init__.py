"""The policy file, read and refused."""
