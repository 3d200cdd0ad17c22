"""Exchanges with servers, recorded word for word: what ``record="exchanges"`` adds to a session."""
