"""Tests of the stand-ins for what surrounds servers."""
