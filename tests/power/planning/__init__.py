"""What a plan says of each server."""
