"""One load, from the API to the published warehouse: the way of the data, walked once.

The command line and Dagster call the same functions here; neither has a way of its own.
"""
