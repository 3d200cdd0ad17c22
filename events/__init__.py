"""The vocabulary: messages, events, effects and states, one module a capability. msgspec structs only."""

if __name__ != "partita.events":
    raise ImportError("this folder installs as partita.events: import partita.events, never events")
