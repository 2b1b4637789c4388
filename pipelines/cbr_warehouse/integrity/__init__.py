"""Integrity of the data directory: what is stored, compared with its checksums and with raw. Read-only.

``verify`` decides what is compared and in which order, ``raw_files`` looks at raw, ``rebuilt_days`` at tables
and ``published`` at the warehouse. The package ``verify`` is another matter: it asks sources for counts.
"""
