"""Devices without hardware: small classes that answer as hardware does, and the bus that they are plugged into."""
