"""Steps around the waves of a run: taken out before, proven well and put back after."""
