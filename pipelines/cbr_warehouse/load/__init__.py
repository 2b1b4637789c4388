"""The orchestration of a load: from the API of each source to the published warehouse.

The command line and Dagster call the same functions: ``run`` loads several sources side by side,
``source_load`` one of them, ``publish`` decides when the warehouse is published, ``locks`` which
locks protect what. What each step does is in the packages before this one.
"""
