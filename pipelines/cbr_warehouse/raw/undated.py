"""Records that are filed under no day, since no contract could read their created_at."""

from collections.abc import Iterator

import pyarrow.parquet as pq

from cbr_warehouse.raw.files import Received
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory

_COLUMNS = ["record_text", "record_bytes", "sweep", "page", "position", "fetched_at"]


def undated_records(directory: DataDirectory, source: str) -> Iterator[Received]:
    """The records of a source without a usable created_at, exactly as they were received.

    Args:
        directory: The data directory.
        source: Name of the source.
    """
    for path in raw_files(directory.raw_day("records", source, UNKNOWN_DAY)):
        for row in pq.read_table(path, columns=_COLUMNS).to_pylist():
            yield Received(
                row["record_bytes"] or row["record_text"].encode(),
                row["sweep"],
                row["page"],
                row["position"],
                row["fetched_at"],
            )
