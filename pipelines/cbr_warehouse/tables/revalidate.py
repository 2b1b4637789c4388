"""Checks raw records again that were checked under another contract.

So a widened contract takes in what an older one refused, without asking the API.
"""

import duckdb
import pyarrow as pa

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.raw.files import RECORDS

_CHUNK = 5_000


def recheck_stale(engine: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Replaces the verdicts in ``records`` that another contract gave.

    Args:
        engine: Holds the temporary table ``records``.
        contract: The contract whose verdicts shall stand.
    """
    stale = "FROM records WHERE contract <> $contract"
    own = {"contract": contract.fingerprint}
    if not engine.execute(f"SELECT count(*) {stale}", own).fetchall()[0][0]:
        return
    door = RecordValidator(contract)
    engine.execute(
        f"SELECT content_hash, coalesce(record_bytes, encode(record_text)), fetched_at {stale}", own
    )
    verdicts = []
    while rows := engine.fetchmany(_CHUNK):
        for content, record, fetched_at in rows:
            verdict = door.check(record, fetched_at)
            verdicts.append(
                (content, fetched_at, verdict.task_id, verdict.reason, verdict.normal, verdict.extra)
            )
    names = ("content_hash", "fetched_at", "task_id", "reason", "normal", "extra")
    columns = {
        name: pa.array(list(values), RECORDS.field(name).type)
        for name, values in zip(names, zip(*verdicts, strict=True), strict=True)
    }
    engine.register("verdicts", pa.table(columns))
    engine.execute(
        """
        UPDATE records SET task_id = v.task_id, reason = v.reason, normal = v.normal, extra = v.extra
        FROM (SELECT DISTINCT * FROM verdicts) AS v
        WHERE records.content_hash = v.content_hash AND records.fetched_at = v.fetched_at"""
    )
    engine.unregister("verdicts")
