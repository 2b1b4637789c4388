"""The command ``cbr-warehouse``: one file a verb; each reads its words, calls a room, prints the result.

Results go to stdout, everything else to stderr. No decision about data is taken here.
"""
