"""Checks against sources that aren't ours: Slack's own types and models, other people's tools."""
