"""What people see in Slack, made from records alone; no IO."""
