"""The warehouse from Python: ``open_warehouse`` for notebooks and scripts.

Read-only, and never in the way of a load: whoever has a warehouse open keeps its whole picture while the next
one is published.
"""

from cbr_warehouse.reader.warehouse import Warehouse, open_warehouse

__all__ = ["Warehouse", "open_warehouse"]
