"""An approved request from its start to its end."""
