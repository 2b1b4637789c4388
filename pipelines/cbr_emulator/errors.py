"""The emulator's only error: an invalid option.

It shares no code with the warehouse, so it has its own exception; the command line reports it.
"""


class EmulatorOptionError(Exception):
    """An option is invalid; the message names it and lists the allowed values."""
