"""The emulator's one error: options that cannot be carried out.

It shares no code with the warehouse, so it has an error of its own; the command line reports it.
"""


class EmulatorOptionError(Exception):
    """An option of the emulator cannot be carried out; the message says which and what is allowed."""
