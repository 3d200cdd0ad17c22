"""The simulated world; the simulation kernel itself lives in partita.actors.kernel."""

if __name__ != "partita.simulations":
    raise ImportError("this folder installs as partita.simulations: import partita.simulations, never simulations")
