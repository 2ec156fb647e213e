"""The domain: what people may ask of servers, who decides, and what counts as done.

Nothing here reads a clock, a file or a socket; what is needed is given.
"""
