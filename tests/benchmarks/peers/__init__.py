"""The programs that are compared: each is one process that says where it listens."""
