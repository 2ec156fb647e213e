"""Messages to Slack: one frozen model for each event, stored as JSON until it is delivered."""
