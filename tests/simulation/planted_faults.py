"""Faults to plant in the code under test, to see that a life finds them."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from simulation.replacement import replaced


@contextmanager
def drops_a_record_of_long_pages() -> Iterator[None]:
    """The last record of each page with more than four is not landed."""

    def substitute(plain: Any) -> Any:
        def make(records: Any, *rest: Any) -> Any:
            return plain(records[:-1] if len(records) > 4 else records, *rest)

        return make

    with replaced(import_module("cbr_warehouse.extract.sweep_runner"), "ReceivedPage", substitute):
        yield


@contextmanager
def never_syncs() -> Iterator[None]:
    """Nothing is synced before it is renamed."""
    with replaced(import_module("cbr_warehouse.storage.atomic_write"), "_sync", lambda _: lambda _path: None):
        yield


PLANTED = {
    "drops-a-record": drops_a_record_of_long_pages,
    "never-syncs": never_syncs,
}
"""By the name that ``python -m simulation --plant`` takes."""
