"""What the workspace knows: people, channels, messages, views."""
