"""A rebuild that was killed loses no source, whatever is loaded next."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.load import run
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import TokenCredentials
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.query import query
from support.living_source import Dialect, living

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Killed(BaseException):
    """As a signal would end it: nothing handles this."""


def ready(name: str) -> ReadySource:
    values = {"name": name, "endpoint": "http://x", "project_id": "p", "token": "env:X", "history": "2d"}
    return ReadySource(SourceSettings.model_validate(values), TokenCredentials(SecretStr("x")))


@pytest.mark.parametrize("made", [0, 1])
def test_a_load_of_one_source_after_a_killed_rebuild_publishes_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: int
) -> None:
    """The other source was missing until the next rebuild: a damaged warehouse has no rows to keep."""
    directory = DataDirectory(tmp_path)
    source = living(NOW, 5, Dialect())
    context = LoadContext(directory, read_contract(), lambda: NOW, uuid4, lambda _: source)
    run.load(context, [ready("one"), ready("two")], LoadRequest())
    sql = "SELECT source, count(*) FROM tasks GROUP BY source ORDER BY source"
    before = query(directory.warehouse, sql).rows
    assert len(before) == 2
    directory.warehouse.write_bytes(b"damaged")
    plain, left = run.make_tables, [made]

    def die(*values: Any, **options: Any) -> Any:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return plain(*values, **options)

    with monkeypatch.context() as patched:
        patched.setattr(run, "make_tables", die)
        with pytest.raises(Killed):
            run.rebuild(context)
    run.load(context, [ready("two")], LoadRequest())
    assert query(directory.warehouse, sql).rows == before
    assert not directory.rebuild_note.exists()
