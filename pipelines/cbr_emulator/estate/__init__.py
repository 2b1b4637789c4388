"""The tasks of the emulator: an estate generated from a seed, as a simulation of its vaults and policies."""
