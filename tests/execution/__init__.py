"""Approved requests carried out whole, on a clock on which waiting costs nothing."""
