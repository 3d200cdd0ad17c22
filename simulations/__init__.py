"""The simulated world. (The simulation kernel itself lives in partita.actors.kernel.)"""

if __name__ != "partita.simulations":
    raise ImportError("this folder installs as partita.simulations: import partita.simulations, never simulations")
