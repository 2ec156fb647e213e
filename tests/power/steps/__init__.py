"""What steps around a wave are made of."""
