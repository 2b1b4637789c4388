"""The command ``cbr-warehouse``: one file per command, which calls a room and prints the result.

Results go to stdout, everything else to stderr. No decisions about data are made here.
"""
