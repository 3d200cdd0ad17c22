"""webRequest."""
