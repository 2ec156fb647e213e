"""What tests of several parts share: clocks, ways to the stand-ins, databases, policies."""
