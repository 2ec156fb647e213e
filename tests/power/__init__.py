"""Tests of bot.power."""
