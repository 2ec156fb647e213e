"""How payloads reach the app: sockets, request URLs, faults."""
