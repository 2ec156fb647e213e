"""What all parts of the Slack stand-in share."""
