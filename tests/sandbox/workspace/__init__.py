"""The Slack stand-in, tried with the real Bolt and the official client."""
