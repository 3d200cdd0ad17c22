"""What partita does a second, beside what its peers do, measured side by side in one run. See ``README.md``."""
