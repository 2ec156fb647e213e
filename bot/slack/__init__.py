"""Slack: payloads in, cards out. What a payload means is decided in `workflow`."""
