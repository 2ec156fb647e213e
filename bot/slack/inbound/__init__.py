"""From Slack: payloads, and what becomes of each."""
