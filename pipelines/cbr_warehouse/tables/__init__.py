"""Tables: raw records flattened into Parquet, one partition a source and day, replaced whole.

A day's partitions are a pure function of the day's raw files and the contract, so they can be
deleted and rebuilt. ``warehouse`` publishes them to readers.
"""
