"""Configuration: sources, credentials, analytics settings and the data directory.

``read`` builds the frozen values of ``model`` from ``cbr-warehouse.toml``, the environment and the command
line; ``select_sources`` selects sources and resolves their secrets, for the commands that need them. All
problems are reported at once (``problems``). Authentication itself is in ``source.auth``. Documentation
for users: ``docs/configuration.md``.
"""
