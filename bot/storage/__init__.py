"""The record of every request: one schema for SQLite and PostgreSQL."""
