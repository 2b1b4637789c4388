"""Writing an inventory: its texts as they are received, then what was seen, and at last its ledger entry.

Killed at any step, a load leaves whole files and no snapshot, and the next inventory stores none of its texts
again. Asking the source is ``extract``'s matter.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from cbr_warehouse.contract.inventory_lists import Kind
from cbr_warehouse.contract.timestamps import print_instant
from cbr_warehouse.raw.files import content_hash, encode_raw, raw_name, read_columns
from cbr_warehouse.raw.inventory import (
    INVENTORY_RECORDS,
    INVENTORY_SIGHTINGS,
    LEDGER,
    missing_files,
    read_noted_snapshots,
    record_files,
    records_folder,
    sightings_folder,
)
from cbr_warehouse.raw.inventory_entries import InventoryFile, InventoryList, ListState, Snapshot
from cbr_warehouse.raw.landing_buffer import exact_text
from cbr_warehouse.storage.atomic_write import write_bytes
from cbr_warehouse.storage.checked_json import write_checked_json
from cbr_warehouse.storage.layout import DataDirectory

FLUSH_BYTES = 24 * 2**20
"""Bytes of text in memory before they are written."""

Seen = Mapping[str, str]
"""The content hash that each object was received with, by object id; by the hash itself where it has none."""


class _IdOnly(msgspec.Struct):
    id: str


_read_id = msgspec.json.Decoder(_IdOnly).decode


@dataclass(frozen=True)
class _Text:
    content_hash: str
    kind: Kind
    object_type: str | None
    object_id: str | None
    text: bytes
    fetched_at: datetime

    @property
    def key(self) -> str:
        return _key(self.kind, self.object_type, self.content_hash)


@dataclass
class _Sightings:
    """The columns of the file of sightings that are not the same in each row."""

    kinds: list[str] = field(default_factory=list)
    object_types: list[str | None] = field(default_factory=list)
    object_ids: list[str | None] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ReceivedList:
    """A list with all that was received of it.

    Attributes:
        kind: What is listed.
        object_type: Type of the objects, where they are listed by type.
        texts: The exact bytes of each record.
        state: How much of the list they are.
        reason: Why it is not complete; None where it is.
        requests: Number of pages asked for.
    """

    kind: Kind
    object_type: str | None = None
    texts: Sequence[bytes] = ()
    state: ListState = ListState.COMPLETE
    reason: str | None = None
    requests: int = 1


def write_snapshot(
    directory: DataDirectory,
    source: str,
    load_id: str,
    fetched_at: datetime,
    received: Iterable[ReceivedList],
) -> Snapshot:
    """Writes a snapshot of lists that are in memory.

    Args:
        directory: The data directory.
        source: Name of the source, whose lock the caller holds.
        load_id: Id of the load.
        fetched_at: When the lists were received, UTC.
        received: The lists.

    Raises:
        StorageError: A file could not be written; there is no snapshot then.
    """
    writer = InventoryWriter(directory, source, load_id, fetched_at)
    for one in received:
        seen = writer.store(one.kind, one.object_type, one.texts, fetched_at)
        listed = InventoryList(one.kind, one.object_type, one.state, one.reason, len(seen), one.requests)
        writer.note(listed, seen)
    return writer.finish()


class InventoryWriter:
    """Writes one snapshot of one source. For one thread, which holds the source's lock.

    Args:
        directory: The data directory.
        source: Name of the source.
        load_id: Id of the load.
        fetched_at: When the load began to ask, UTC, by the source's clock.
    """

    def __init__(self, directory: DataDirectory, source: str, load_id: str, fetched_at: datetime) -> None:
        self._directory = directory
        self._source = source
        self._load_id = load_id
        self._fetched_at = fetched_at
        self._pending: dict[str, _Text] = {}
        self._pending_bytes = 0
        self._files: list[InventoryFile] = []
        self._lists: list[InventoryList] = []
        self._sightings = _Sightings()
        noted = read_noted_snapshots(directory, source)
        if any(snapshot.load_id == load_id for snapshot in noted):
            raise ValueError(f"load {load_id} has a snapshot already")
        self._recent = _newest_keys(directory, source, noted)

    def store(
        self, kind: Kind, object_type: str | None, texts: Sequence[bytes], fetched_at: datetime
    ) -> dict[str, str]:
        """Stores the texts of a page that are not stored yet.

        Args:
            kind: What is listed.
            object_type: Type of the objects, where they are listed by type.
            texts: The exact bytes of each record.
            fetched_at: When the page was received, UTC.

        Returns:
            What was seen: content hash by object id.

        Raises:
            StorageError: A file could not be written.
        """
        seen: dict[str, str] = {}
        for record in texts:
            object_id = _object_id(record)
            text = _Text(content_hash(record), kind, object_type, object_id, record, fetched_at)
            seen[object_id or text.content_hash] = text.content_hash
            if text.key not in self._recent and text.key not in self._pending:
                self._pending[text.key] = text
                self._pending_bytes += len(record)
        if self._pending_bytes >= FLUSH_BYTES:
            self._flush()
        return seen

    def note(self, listed: InventoryList, seen: Seen) -> None:
        """Notes a list, and what was seen in it."""
        self._lists.append(listed)
        rows = self._sightings
        rows.kinds += [listed.kind] * len(seen)
        rows.object_types += [listed.object_type] * len(seen)
        rows.object_ids += [None if name == hash_ else name for name, hash_ in seen.items()]
        rows.hashes += seen.values()

    def finish(self) -> Snapshot:
        """Writes what is still in memory, then the sightings, then the ledger entry.

        Raises:
            StorageError: A file could not be written; there is no snapshot then.
        """
        self._flush()
        snapshot = Snapshot(
            self._load_id, self._fetched_at, tuple(self._lists), tuple(self._files), self._write_sightings()
        )
        row = asdict(snapshot) | {"fetched_at": print_instant(snapshot.fetched_at)}
        path = self._directory.raw_ledger(LEDGER, self._source) / f"{self._load_id}.json"
        write_checked_json(path, row)
        return snapshot

    def _flush(self) -> None:
        """Writes the texts in memory that no file has."""
        new = _unstored(self._directory, self._source, self._pending)
        self._pending, self._pending_bytes = {}, 0
        self._recent.update(text.key for text in new)
        if not new:
            return
        content = encode_raw(_record_table(new, self._load_id))
        name = raw_name(f"{self._load_id}-{len(self._files) + 1:05d}", content)
        write_bytes(records_folder(self._directory, self._source) / name, content)
        self._files.append(InventoryFile(name, len(new)))

    def _write_sightings(self) -> InventoryFile | None:
        rows = self._sightings
        if not rows.hashes:
            return None
        columns = (rows.kinds, rows.object_types, rows.object_ids, rows.hashes)
        table = pa.table(
            [pa.repeat(self._load_id, len(rows.hashes)), *(pa.array(one, pa.string()) for one in columns)],
            schema=INVENTORY_SIGHTINGS,
        )
        content = encode_raw(table)
        name = raw_name(self._load_id, content)
        write_bytes(sightings_folder(self._directory, self._source) / name, content)
        return InventoryFile(name, table.num_rows)


def _record_table(texts: Sequence[_Text], load_id: str) -> pa.Table:
    exact = [exact_text(one.text) for one in texts]
    return pa.table(
        [
            pa.array([one.content_hash for one in texts], pa.string()),
            pa.array([one.kind.value for one in texts], pa.string()),
            pa.array([one.object_type for one in texts], pa.string()),
            pa.array([one.object_id for one in texts], pa.string()),
            pa.array([text for text, _ in exact], pa.string()),
            pa.array([own_bytes for _, own_bytes in exact], pa.binary()),
            pa.repeat(load_id, len(texts)),
            pa.array([one.fetched_at for one in texts], INVENTORY_RECORDS.field("fetched_at").type),
        ],
        schema=INVENTORY_RECORDS,
    )


def _unstored(directory: DataDirectory, source: str, texts: Mapping[str, _Text]) -> list[_Text]:
    """Those of some texts that no file has. The files are read one by one: there are years of them."""
    left = dict(texts)
    wanted = pa.array([one.content_hash for one in left.values()], pa.string())
    for path in record_files(directory, source) if left else ():
        stored = read_columns(path, ["content_hash", "kind", "object_type"])
        found = stored.filter(pc.is_in(stored["content_hash"], value_set=wanted))
        for hash_, kind, object_type in zip(*(one.to_pylist() for one in found.columns), strict=True):
            left.pop(_key(kind, object_type, hash_), None)
    return list(left.values())


def _newest_keys(directory: DataDirectory, source: str, noted: Sequence[Snapshot]) -> set[str]:
    """Keys of the texts of the newest snapshot: nearly all that the next one has, found without all files.

    Nothing where a file of the ledger is gone: its texts are to be stored again.
    """
    newest = next((one.sightings for one in reversed(noted) if one.sightings is not None), None)
    if newest is None or missing_files(directory, source, noted):
        return set()
    path = sightings_folder(directory, source) / newest.name
    table = read_columns(path, ["kind", "object_type", "content_hash"])
    rows: Iterable[tuple[str, str | None, str]] = zip(
        *(one.to_pylist() for one in table.columns), strict=True
    )
    return {_key(*row) for row in rows}


def _key(kind: str, object_type: str | None, hash_: str) -> str:
    return f"{kind}/{object_type or ''}/{hash_}"


def _object_id(record: bytes) -> str | None:
    """The id of a record; None where it has none that could name an object."""
    try:
        object_id = _read_id(record).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return object_id if object_id and "\x00" not in object_id else None
