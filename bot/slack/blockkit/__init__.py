"""Block Kit: texts, blocks, names, pages and forms within Slack's limits."""
