"""Verify: what the source's own counts prove about each day, from counting to the verdict.

``count_days`` counts days at the source by ``interval_counts``, ``filter_column`` finds which column its
filter applies to, ``judge`` turns a count into a state, ``renew`` confirms days that were complete
before, ``fallback_queries`` and ``unwindowed_tasks`` ask for what windows did not bring, ``lost_days``
finds days that left retention, ``verify_days`` runs all of it for one load, with a ``verification`` as
result. Requests are made by ``extract``, verdicts are stored by ``raw``.
"""
