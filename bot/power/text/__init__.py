"""Text from people and records: normal forms, folding, what looks alike."""
