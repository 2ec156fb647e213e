"""What operators use: checks, logs, figures, the record."""
