"""Tokens and signatures, checked as the gateway does."""
