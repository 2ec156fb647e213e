"""Names, times and typed characters."""
