"""The Parquet files of raw: their columns, their names with a checksum, writing and checking them."""

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cbr_warehouse.storage.atomic_write import write_bytes
from cbr_warehouse.storage.disk_errors import as_read_error

# The default pools keep what each of a load's threads once used; over a load that is 70 MB.
pa.set_memory_pool(pa.system_memory_pool())

INSTANT = pa.timestamp("us", tz="UTC")

_RECORD_FIELDS: list["pa.Field[Any]"] = [
    pa.field("content_hash", pa.string(), nullable=False),
    pa.field("record_text", pa.string(), nullable=False),
    pa.field("record_bytes", pa.binary()),
    pa.field("task_id", pa.string()),
    pa.field("reason", pa.string()),
    pa.field("normal", pa.string()),
    pa.field("extra", pa.string()),
    pa.field("contract", pa.string(), nullable=False),
    pa.field("load_id", pa.string(), nullable=False),
    pa.field("sweep", pa.int32(), nullable=False),
    pa.field("page", pa.int32(), nullable=False),
    pa.field("position", pa.int32(), nullable=False),
    pa.field("fetched_at", INSTANT, nullable=False),
]
RECORDS = pa.schema(_RECORD_FIELDS)
"""A distinct record: its text, the result of its validation and under which contract, where it came from."""

_MANIFEST_FIELDS: list["pa.Field[Any]"] = [
    pa.field("content_hash", pa.string(), nullable=False),
    pa.field("task_id", pa.string()),
    pa.field("load_id", pa.string(), nullable=False),
    pa.field("sweep", pa.int32(), nullable=False),
    pa.field("page", pa.int32(), nullable=False),
    pa.field("position", pa.int32(), nullable=False),
    pa.field("fetched_at", INSTANT, nullable=False),
]
MANIFESTS = pa.schema(_MANIFEST_FIELDS)
"""A sighting: that a record was received, by which request, when; repeats included."""


@dataclass(frozen=True)
class Received:
    """One record as a request brought it.

    Attributes:
        record: Its exact bytes.
        sweep: Number of the sweep within the load.
        page: Number of the page within the sweep, from 0.
        position: Place in the page, from 0.
        fetched_at: When the page was received.
    """

    record: bytes
    sweep: int
    page: int
    position: int
    fetched_at: datetime


def content_hash(record: bytes) -> str:
    """Identifies a record's exact bytes: 128 bits, in hex."""
    return hashlib.blake2b(record, digest_size=16).hexdigest()


def write_raw(folder: Path, stem: str, schema: pa.Schema, rows: Sequence[dict[str, Any]]) -> Path:
    """Writes rows as one Parquet file whose name ends in its checksum.

    Args:
        folder: Where to.
        stem: What its name begins with; unique within the folder.
        schema: Its columns.
        rows: Its rows.

    Returns:
        The file written.

    Raises:
        StorageError: It could not be written; nothing is left of it.
    """
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), buffer, compression="zstd")
    content = buffer.getvalue()
    path = folder / f"{stem}-{checksum(content)}.parquet"
    write_bytes(path, content)
    return path


def read_columns(path: Path, columns: Sequence[str]) -> pa.Table:
    """Reads some columns of a raw file.

    From its bytes: given a path, pyarrow makes columns of all ``key=value`` folders above the file.

    Args:
        path: The file.
        columns: Names of the columns, in the order wanted.

    Raises:
        pyarrow.ArrowException: It is no Parquet file, or lacks a column.
        OSError: So does pyarrow for some content that it cannot decode, without a number.
        StorageError: It cannot be read.
    """
    with as_read_error(path), path.open("rb") as file:
        return pq.ParquetFile(file).read(columns=list(columns)).select(list(columns))


def count_rows(path: Path) -> int:
    """Rows of a raw file, from its footer."""
    with as_read_error(path), path.open("rb") as file:
        return int(pq.ParquetFile(file).metadata.num_rows)


def text_bytes(path: Path) -> int:
    """Bytes of the record texts of a file of records, from its footer; repeated ones may count once."""
    with as_read_error(path), path.open("rb") as file:
        metadata = pq.ParquetFile(file).metadata
        column = metadata.schema.names.index("record_text")
        groups = range(metadata.num_row_groups)
        return sum(metadata.row_group(group).column(column).total_uncompressed_size for group in groups)


REPLACED = b"replaced"
"""Key of a compacted file's metadata: names of the files that it replaced, as a JSON list."""

COMPACTED = "~"
"""Stands in the name of a compacted file before the digest of the names that it replaced."""


def replaced_files(path: Path) -> frozenset[str]:
    """Names of the files that a compacted file replaced; none of any other file.

    Raises:
        StorageError: It cannot be read.
    """
    if COMPACTED not in path.name:
        return frozenset()
    with as_read_error(path), path.open("rb") as file:
        metadata = pq.ParquetFile(file).schema_arrow.metadata or {}
    return frozenset(json.loads(metadata.get(REPLACED, b"[]")))


def names_digest(names: Iterable[str]) -> str:
    """Identifies a set of raw files by their names; compacting some of them into one changes nothing.

    Args:
        names: Names of files, in any order.
    """
    return f"{sum(map(_weight, names)) % 2**96:024x}"


def compacted_stem(names: Sequence[str]) -> str:
    """What the name of the file begins with that replaces others.

    Args:
        names: Names of the files that it replaces, in order.
    """
    newest = names[-1].removesuffix(".parquet").rpartition("-")[0].partition(COMPACTED)[0]
    return f"{newest}{COMPACTED}{names_digest(names)}"


def _weight(name: str) -> int:
    _, separator, rest = name.partition(COMPACTED)
    if separator:
        return int(rest.partition("-")[0], 16)
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=12).digest())


def is_intact(path: Path) -> bool:
    """Whether a raw file still has the content that was written: its name ends in its checksum.

    Raises:
        StorageError: It cannot be read.
    """
    with as_read_error(path):
        content = path.read_bytes()
    return path.stem.rpartition("-")[2] == checksum(content)


def checksum(content: bytes) -> str:
    """What the name of a raw file of this content ends in."""
    return hashlib.blake2b(content, digest_size=8).hexdigest()
