"""Pages: actors without a renderer, from which requests come."""
