"""The recorded world: an application runs again, and what it asks the world is answered from a log."""
