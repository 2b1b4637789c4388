"""Dagster's rim: assets, checks, job and schedule around the functions that the commands call too.

One file a concept, and all of Dagster is here. An asset's body asks ``load``, ``tables`` or
``warehouse`` to do the work and reports what came of it; no step does what no command can.
``location`` puts the parts together. Dagster imports every module of this folder, so none does
anything when imported.
"""
