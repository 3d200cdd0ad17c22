"""Permissions: who may do what, who is asked, and what was answered."""
