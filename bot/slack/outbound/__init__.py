"""To Slack: cards, replies, messages, at a bounded pace."""
