"""An approved request from its start to its end: waves, evidence, outcome."""
