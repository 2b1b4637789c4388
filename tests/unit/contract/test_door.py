"""The door's fast way: it may only pass what the exact reading would pass with the same verdict."""

from datetime import UTC, datetime

import pytest

from pipelines.contract.door import Door
from pipelines.contract.read import read_contract

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize("space", ["", " ", "  ", "\t", "\n", "\r\n", " \t"])
def test_a_key_that_stands_twice_is_refused_however_it_is_spaced(space: str) -> None:
    """Keys were counted by the one or no space before their colon, so that another spacing hid one."""
    record = (
        f'{{"id": "a", "created_at": "2026-11-20T00:00:00Z", "status": "failed", "status"{space}: "success"}}'
    )
    verdict = Door(read_contract()).check(record.encode(), NOW)
    assert verdict.reason == 'the key "status" stands twice in one object'
