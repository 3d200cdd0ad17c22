"""Protocol handlers."""
