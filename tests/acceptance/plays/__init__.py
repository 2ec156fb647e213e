"""What curious people try in the demo, by theme."""
