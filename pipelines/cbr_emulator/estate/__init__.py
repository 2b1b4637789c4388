"""The tasks that the emulator serves: generated from a seed by simulating vaults, policies and resources."""
