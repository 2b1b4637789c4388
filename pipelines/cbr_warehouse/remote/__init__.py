"""A data directory in an object store: ``data_dir = "s3://bucket/prefix"``.

Loads and readers work on a folder of their machine, which is only a cache: ``working_copy`` brings a part of
it to what the store has, and sends what a load made of it. ``scopes`` says which parts there are, ``commits``
what the store has of each, ``lease`` who may change it; ``hold`` puts these together for ``load`` and
``place`` for everybody who opens a data directory. Requests to the store are in ``storage``, and what the
files contain is defined elsewhere (docs/adr/0030).
"""
