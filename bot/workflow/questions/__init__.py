"""What people look up and choose; nothing here changes anything but the audit log."""
