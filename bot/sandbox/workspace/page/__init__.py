"""The same for the page in the browser."""
