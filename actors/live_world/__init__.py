"""The live world: the system's clock, randomness, disk and network in one bundle."""
