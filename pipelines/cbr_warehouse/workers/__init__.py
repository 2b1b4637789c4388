"""Runs on other hosts by Celery: Dagster's launcher of runs, and the application that each worker serves.

Both need the extra ``celery``. What a run does is in ``defs``, the same wherever it runs; which run may send
requests is decided by the pools there. Kubernetes needs nothing of ours: ``dagster-k8s`` has its launcher.
"""
