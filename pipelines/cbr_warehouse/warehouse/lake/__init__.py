"""The published warehouse in a DuckLake: published in one transaction, read by many hosts (docs/adr/0031).

Imported only where ``warehouse`` is configured.
"""
