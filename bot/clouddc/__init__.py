"""The CloudDC client: signing, the wire format, one HTTP client, one shared inventory."""
