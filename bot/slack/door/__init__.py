"""The connection to Slack: sockets, frames, signatures, and who is turned away."""
