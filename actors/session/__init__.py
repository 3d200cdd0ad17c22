"""The ``session`` actor: what a session is made of, composed of its capabilities."""
