"""Tests of the steps around a wave, each kind against the real thing or its stand-in."""
