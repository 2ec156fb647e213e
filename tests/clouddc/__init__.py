"""Tests of the CloudDC client."""
