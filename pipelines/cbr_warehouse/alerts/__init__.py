"""Alerts to people: what is reported when, and the channels that deliver it.

What is wrong is found elsewhere: by ``warehouse.conditions``, and in Dagster's runs and checks. ``defs``
connects both.
"""
