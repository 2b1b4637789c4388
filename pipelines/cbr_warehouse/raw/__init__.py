"""Raw: every record exactly as received, append-only, with where it came from.

Eight kinds of files, each below its own folder of ``data/raw``: ``records`` (the texts, each distinct
one once, with its first receipt), ``manifests`` (later receipts), ``landed`` (which record files each
load wrote), ``sweeps`` and ``audits`` (what was requested and counted), ``loads``, ``inventory`` (vaults,
policies, backups and protectable resources, as of one moment each), and ``damaged`` (files set aside because
their checksum is wrong). Nothing here interprets a record beyond what
``contract.validate`` finds.
"""
