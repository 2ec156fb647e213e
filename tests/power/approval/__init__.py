"""Who may, who must, and what an odd policy does."""
