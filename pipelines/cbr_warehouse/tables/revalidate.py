"""Checks raw records again that were checked under another contract.

So a widened contract accepts what an older one rejected, without requests to the API.
"""

import duckdb
import pyarrow as pa

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.raw.files import RECORDS

_CHUNK = 5_000


def recheck(engine: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Replaces the validation results in ``records``, which another contract gave.

    Args:
        engine: Holds the temporary table ``records``.
        contract: The contract that validates them.
    """
    validator = RecordValidator(contract)
    engine.execute(
        "SELECT content_hash, coalesce(record_bytes, encode(record_text)), fetched_at FROM records"
    )
    results = []
    while rows := engine.fetchmany(_CHUNK):
        for content, record, fetched_at in rows:
            result = validator.check(record, fetched_at)
            results.append((content, fetched_at, result.task_id, result.reason, result.normal, result.extra))
    names = ("content_hash", "fetched_at", "task_id", "reason", "normal", "extra")
    columns = {
        name: pa.array(list(values), RECORDS.field(name).type)
        for name, values in zip(names, zip(*results, strict=True), strict=True)
    }
    engine.register("validated", pa.table(columns))
    engine.execute(
        """
        UPDATE records SET task_id = v.task_id, reason = v.reason, normal = v.normal, extra = v.extra
        FROM (SELECT DISTINCT * FROM validated) AS v
        WHERE records.content_hash = v.content_hash AND records.fetched_at = v.fetched_at"""
    )
    engine.unregister("validated")
