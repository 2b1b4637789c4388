"""Raw: every record exactly as received, append-only, with where it came from.

Four kinds of files, each below its own folder of ``data/raw``: ``records`` (the texts, each
distinct one once), ``manifests`` (what was received when, repeats included), ``sweeps`` and
``audits`` (what was asked for and counted) and ``loads``. Nothing here interprets a record
beyond what the door says of it.
"""
