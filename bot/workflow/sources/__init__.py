"""What steps ask of the world: people and their groups, alarms, the newest list of servers."""
