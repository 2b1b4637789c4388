"""The Parquet files of raw: their columns, their names with a checksum, writing and checking them."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cbr_warehouse.storage.files import read_existing
from cbr_warehouse.storage.parquet_files import open_parquet

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
"""A distinct record: its text, the result of its validation and under which contract, where it came from.

Its row is also its first sighting."""

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
"""A sighting: that a record stored before was received again, by which request, when; once for each load.

Earlier versions noted new records here too, and each receipt."""


_REPETITIVE = ["reason", "contract", "load_id", "sweep", "page", "fetched_at"]
"""Columns with few values; to look for equal ones in the others costs more than it saves."""


@dataclass(frozen=True)
class ReceivedPage:
    """The records of one response, or a part of them.

    Attributes:
        records: The exact bytes of each, in the order received.
        sweep: Number of the sweep within the load.
        page: Number of the page within the sweep, from 0.
        fetched_at: When the page was received.
        position: Place of the first record in the page, from 0.
    """

    records: Sequence[bytes]
    sweep: int
    page: int
    fetched_at: datetime
    position: int = 0


def text_digest(record: bytes) -> bytes:
    """Identifies a record's exact bytes: 16 bytes."""
    return hashlib.blake2b(record, digest_size=16).digest()


def content_hash(record: bytes) -> str:
    """The same in hex, as the column ``content_hash`` has it."""
    return text_digest(record).hex()


def encode_raw(table: pa.Table) -> bytes:
    """The content of a Parquet file of raw."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        use_dictionary=[name for name in _REPETITIVE if name in table.column_names],  # type: ignore[arg-type]  # or names
        write_statistics=[name for name in table.column_names if name != "record_text"],
    )
    return sink.getvalue().to_pybytes()


def raw_name(stem: str, content: bytes) -> str:
    """The name of a raw file: it ends in the checksum of its content.

    Args:
        stem: What it begins with; unique within the folder.
        content: The content of the file.
    """
    return f"{stem}-{checksum(content)}.parquet"


def read_columns(path: Path, columns: Sequence[str]) -> pa.Table:
    """Reads some columns of a raw file.

    Args:
        path: The file.
        columns: Names of the columns, in the order wanted.

    Raises:
        pyarrow.ArrowException: It is no Parquet file, or lacks a column.
        OSError: So does pyarrow for some content that it cannot decode, without a number.
        StorageError: It cannot be read.
    """
    with open_parquet(path) as file:
        return file.read(columns=list(columns)).select(list(columns))


def count_rows(path: Path) -> int:
    """Rows of a raw file, from its footer."""
    with open_parquet(path) as file:
        return int(file.metadata.num_rows)


def text_bytes(path: Path) -> int:
    """Bytes of the record texts of a file of records, from its footer; repeated ones may count once."""
    with open_parquet(path) as file:
        metadata = file.metadata
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
    with open_parquet(path) as file:
        metadata = file.schema_arrow.metadata or {}
    return frozenset(json.loads(metadata.get(REPLACED, b"[]")))


def all_replaced(paths: Iterable[Path]) -> frozenset[str]:
    """Names of the files that some files replaced.

    Raises:
        StorageError: One cannot be read.
    """
    return frozenset[str]().union(*map(replaced_files, paths))


def replacing(schema: pa.Schema, paths: Sequence[Path]) -> pa.Schema:
    """The schema of a file that replaces others, and what those replaced: it has all their names."""
    names = sorted({path.name for path in paths} | all_replaced(paths))
    return schema.with_metadata({REPLACED: json.dumps(names).encode()})


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
    newest = names[-1].rpartition("-")[0].partition(COMPACTED)[0]
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
    return path.stem.rpartition("-")[2] == checksum(read_existing(path))


def checksum(content: bytes) -> str:
    """What the name of a raw file of this content ends in."""
    return hashlib.blake2b(content, digest_size=8).hexdigest()
