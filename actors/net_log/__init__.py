"""The net log."""
