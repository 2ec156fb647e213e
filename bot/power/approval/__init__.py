"""Who may, who must, and what was granted for which server."""
