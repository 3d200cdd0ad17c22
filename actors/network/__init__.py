"""Requests: the rules of an exchange, and the port that sends them."""
