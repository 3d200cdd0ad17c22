"""Downloads: the session's ledger, the actor that each download is, and what brings its bytes to the disk."""
