"""The warehouse from Python: ``open_warehouse`` for notebooks and scripts.

Read-only, and never blocks a load: an open warehouse keeps its snapshot while the next one is published.
"""

from cbr_warehouse.reader.warehouse import Warehouse, open_warehouse

__all__ = ["Warehouse", "open_warehouse"]
