"""The deterministic simulation: lives of a data directory, each a function of its seed.

The real load code runs in one process against the emulator's application, without a network. Clock, threads,
HTTP, disk and kills are simulated; ``python -m simulation`` (``make simulate``) runs lives, and prints the
seed of one that went wrong.
"""
