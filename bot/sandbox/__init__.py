"""A Slack workspace and a data centre that run on this machine, for the demo and the tests."""
