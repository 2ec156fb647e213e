"""What a process is made of: clocks, paces, memory, the policy in force."""
