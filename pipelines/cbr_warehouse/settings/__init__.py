"""Settings: what to load, from where and with which credentials, as the user wrote it down.

``read`` makes the frozen values of ``model`` out of ``cbr-warehouse.toml``, the environment and the
command line; ``require`` chooses sources and fetches their secrets, for the commands that need them.
Whatever is wrong is reported all at once (``faults``). Signing in with what is found here is
``source``'s business. Users read ``docs/configuration.md``.
"""
