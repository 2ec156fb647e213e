"""What Slack is told: one frozen model for each event, stored as JSON until it is delivered."""
