"""``python -m partita``."""

from partita.command import main

main()
