"""What a step reads before it decides: people, rights, facts."""
