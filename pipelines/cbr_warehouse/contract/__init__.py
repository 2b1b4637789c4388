"""The contract: what ``schemas/`` declares, read once, and what follows from it without I/O.

Here live the tables and columns as frozen values, validation of one record, and the
data dictionary. SQL that is derived from the contract lives where it runs: ``tables`` and
``warehouse``.
"""
