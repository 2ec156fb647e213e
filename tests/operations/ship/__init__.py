"""What `powerbot ship` prints, held by the tools that read it."""
