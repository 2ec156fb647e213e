"""Slack's rules for blocks and texts, and who breaks them."""
