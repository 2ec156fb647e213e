"""What is said of one thing wherever it stands: a card, a plan, a reply, Home; lines of mrkdwn."""
