"""What people do: type, click, fill in forms."""
