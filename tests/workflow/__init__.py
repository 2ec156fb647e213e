"""The workflow as a whole, on a given clock."""
