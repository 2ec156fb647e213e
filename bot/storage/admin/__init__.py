"""What an operator does with the record: migrate, move, prune, verify."""
