"""What `powerbot check` looks at."""
