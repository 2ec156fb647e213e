"""The whole product: the real bot as a process, between the stand-ins, used by people."""
