"""What a fixed set of records becomes: a digest for each place of a value and each kind of bad record.

Digested are the results of validation and the rows that the tables get of sound records, so that another
notation of the same normal form is no difference.

``tests/data/validation_outcomes.json`` has them as they were when ``VALIDATED_ALIKE`` was last examined.
``.venv/bin/python tests/support/validation_outcomes.py`` writes them again.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from cbr_warehouse.contract import load_schemas
from cbr_warehouse.contract.shape import leaves, record_shape
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.tables.flatten_sql import child_lists, parsed_record, task_values_list

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
from support.malformed_records import KINDS

DATA = Path(__file__).parents[1] / "data"
OUTCOMES = DATA / "validation_outcomes.json"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BASE = {"id": "a", "created_at": "2026-11-19T01:00:00", "status": "success"}
VALUES = (
    *("null", '""', '" "', '"x"', '"x\\ty"', '"\\u0000"', '"\\ud800"', '"null"', '"7"', '"-7"', '"7.0"'),
    *("0", "1", "-1", "55.0", "55.5", "1e2", "1E400", "1.50", "9223372036854775807", "9223372036854775808"),
    *(
        "true",
        "false",
        '"true"',
        '"False"',
        '"0"',
        '"yes"',
        "[]",
        "{}",
        '["x"]',
        '{"x":1}',
        "[null]",
        "[[1]]",
    ),
    *('"2026-11-19T01:00:00"', '"2026-11-19T01:00:00Z"', '"2026-11-19 01:00:00.123456+08:00"'),
    *('"2026-11-19"', '"1999-12-31T23:59:59Z"', '"2026-11-22T12:00:00Z"', '"2026-11-22T12:00:01Z"'),
    *('"2026-02-30T00:00:00Z"', '"2026-11-19T24:00:00Z"', "1763514000", "1763514000000"),
)
"""Values as JSON, each put into every place that has a column."""

COLUMN = "column at "
"""What the names of places begin with."""

REAL = ("all-blocks", "list-backup-2019", "list-backup-2021-null-keys", "hostile-names")


@cache
def outcomes() -> dict[str, str]:
    """By place or kind of record, a digest of what becomes of its records, one after the other."""
    contract = load_schemas.read_contract()
    validator = RecordValidator(contract)
    names, results, sound = [], [], []
    for name, records in _records([leaf.path for leaf in leaves(record_shape(contract))]):
        for record in records:
            result = validator.check(record, NOW)
            names.append(name)
            results.append(repr((result.task_id, result.day, result.reason, result.extra or "{}")))
            sound.append(None if result.reason else result.normal or record.decode())
    rows = _flattened(
        sound, f"{task_values_list(contract)}, {child_lists(contract)}", parsed_record(contract)
    )
    digests: dict[str, Any] = {}
    for name, result, row in zip(names, results, rows, strict=True):
        digests.setdefault(name, hashlib.blake2b(digest_size=8)).update(f"{result} {row}\n".encode())
    return {name: digest.hexdigest() for name, digest in digests.items()}


def _flattened(normal: list[str | None], values: str, record: str) -> list[str]:
    """The typed values of each record as text, an empty one where it is refused."""
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        engine.register("records", pa.table({"position": range(len(normal)), "normal": normal}))
        parsed = f"SELECT position, {record} AS r FROM (SELECT *, normal AS record_text FROM records)"
        rows = f"SELECT position, row_of::VARCHAR FROM (SELECT position, {values} FROM ({parsed})) AS row_of"
        found = engine.execute(f"SELECT * FROM ({rows}) ORDER BY 1").fetchall()
    return ["" if text is None else row for text, (_, row) in zip(normal, found, strict=True)]


def _records(paths: list[str]) -> Iterator[tuple[str, list[bytes]]]:
    for path in paths:
        yield COLUMN + path, [_with(path, value) for value in VALUES]
    for kind, spoil in KINDS.items():
        yield kind, [spoil(json.loads(json.dumps(BASE)))]
    for name in REAL:
        body = json.loads((DATA / f"{name}.json").read_bytes())
        yield f"{name}.json", [json.dumps(record).encode() for record in body["operation_logs"]]


def _with(path: str, value: str) -> bytes:
    """A record that has a value, as JSON, at a place."""
    first, *steps = path.replace("[]", ".[]").split(".")
    inner: Any = "value to replace"
    for step in reversed(steps):
        inner = [inner] if step == "[]" else {step: inner}
    return json.dumps(BASE | {first: inner}).replace('"value to replace"', value).encode()


def changed_outcomes(before: dict[str, str]) -> list[str]:
    """Names of places and kinds of records of which something else becomes now."""
    return sorted(name for name, digest in before.items() if outcomes().get(name, digest) != digest)


def columns(found: dict[str, str]) -> set[str]:
    """The places that have a column."""
    return {name for name in found if name.startswith(COLUMN)}


def write() -> None:
    """Writes the outcomes, unless contracts of other outcomes are listed as alike."""
    alike, now = list(load_schemas.VALIDATED_ALIKE), outcomes()
    before = json.loads(OUTCOMES.read_bytes()) if OUTCOMES.exists() else {"outcomes": now}
    changed = changed_outcomes(before["outcomes"])
    where = "in contract/load_schemas.py first"
    if alike and (changed or columns(before["outcomes"]) != columns(now)):
        raise SystemExit(f"Not everything becomes what it did: empty VALIDATED_ALIKE {where}.")
    if changed and before["version"] == load_schemas.VALIDATION_VERSION:
        raise SystemExit(f"Not everything becomes what it did: raise VALIDATION_VERSION {where}.")
    noted = {"version": load_schemas.VALIDATION_VERSION, "alike": alike, "outcomes": now}
    OUTCOMES.write_text(json.dumps(noted, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
