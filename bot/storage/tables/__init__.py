"""What stands in the tables: one module for each kind of record."""
