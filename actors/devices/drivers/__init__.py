"""What touches hardware: a driver for each kind of devices, over the library that is known for it."""
