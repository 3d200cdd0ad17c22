"""What decides: one folder a capability, over the kernel that runs them all."""

if __name__ != "partita.actors":
    raise ImportError("this folder installs as partita.actors: import partita.actors, never actors")
