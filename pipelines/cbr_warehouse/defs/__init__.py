"""Dagster definitions: assets, asset checks, jobs and schedules around the functions that the commands call.

All use of Dagster is here, one file for each concept. The function of an asset calls ``load``, ``tables`` or
``warehouse`` and reports the result; no step does anything that no command can do. ``build`` combines the
definitions.
"""
