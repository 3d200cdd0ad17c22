"""The log: append, read, index, snapshots, blobs, keys, retention, verification."""

if __name__ != "partita.store":
    raise ImportError("this folder installs as partita.store: import partita.store, never store")
