"""The HTTP cache."""
