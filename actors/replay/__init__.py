"""The log, again: re-decide it, compare it, follow it, look at what was."""
