"""How many records raw holds of a day, from the files' footers; no record is read."""

from datetime import date

import pyarrow.parquet as pq

from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.layout import DataDirectory


def count_records(directory: DataDirectory, source: str, day: date) -> int:
    """Distinct texts of records received of a day, all versions of all tasks.

    Args:
        directory: The data directory.
        source: Name of the source.
        day: UTC day of created_at.
    """
    files = raw_files(directory.raw_day("records", source, day.isoformat()))
    return sum(pq.read_metadata(path).num_rows for path in files)
