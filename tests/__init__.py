"""Tests, grouped like the code that they test."""
