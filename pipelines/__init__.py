"""cbr-warehouse: CBR operation logs, from the API to tables that answer questions.

The rooms, in the order a record passes them: ``settings`` (what to load),
``source`` (the API's client), ``extract`` (what to ask for), ``raw`` (verbatim),
``contract`` (what a record may be), ``tables`` (flattened), ``warehouse`` (published),
``analytics`` (answers). ``load`` walks them; ``cli`` and ``defs`` call ``load``.
"""

__version__ = "0.1.0"
