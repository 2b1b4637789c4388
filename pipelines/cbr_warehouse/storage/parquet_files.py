"""Parquet files of the data directory, opened by pyarrow; for DuckDB they are in ``sql_text``."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cbr_warehouse.storage.files import open_file


@contextmanager
def open_parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """Opens a Parquet file to read.

    From its bytes: given a path, pyarrow makes columns of all ``key=value`` folders above the file.

    Args:
        path: The file.

    Raises:
        pyarrow.ArrowException: It is no Parquet file.
        OSError: So does pyarrow for some content that it cannot decode, without a number.
        StorageError: It cannot be read.
    """
    with open_file(path) as content:
        yield pq.ParquetFile(content)


@contextmanager
def write_parquet(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Opens an unfinished file to write row groups; ``atomic_write.put_in_place`` puts it where it belongs.

    Args:
        path: A temporary name in the folder where the file will be.
        schema: Its columns and metadata.

    Raises:
        OSError: It could not be written.
    """
    with path.open("wb") as sink, pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        yield writer
