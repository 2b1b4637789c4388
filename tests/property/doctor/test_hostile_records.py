"""Whatever records a source returns, the doctor examines it to the end."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbr_warehouse.doctor.examine import Clocks, examine
from cbr_warehouse.doctor.probe import MAX_REQUESTS
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.page import Page

pytestmark = pytest.mark.fault("hostile responses")

NOW = datetime(2026, 11, 20, 13, 37, 11, tzinfo=UTC)
SOURCE = SourceSettings.model_validate(
    {"name": "prod", "endpoint": "http://x", "project_id": "a" * 32, "token": "env:X"}
)

times = st.sampled_from(
    ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", "9999-12-31T23:59:59+00:00", "1969-12-31T00:00:00Z"]
    + [
        f"2026-11-{day:02}T0{day % 10}:00:{day:02}.{fraction}"
        for day in range(1, 21)
        for fraction in (0, 584418)
    ]
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), texts, times, st.lists(texts, max_size=2)
)
blocks = st.dictionaries(st.sampled_from(["id", "name", "incremental", "fail_count", "total_count"]), values)
records = st.fixed_dictionaries(
    {"id": texts, "created_at": times},
    optional={
        "started_at": times | values,
        "ended_at": times | values,
        "updated_at": times | values,
        "vault_name": texts | values,
        "vault_id": texts | values,
        "operation_type": values,
        "status": values,
        "provider_id": values,
        "extra_info": st.one_of(
            values, st.dictionaries(st.sampled_from(["resource", "backup", "vault_delete"]), blocks | values)
        ),
    },
)


class Hostile:
    """A client whose source returns the same records whatever is requested."""

    rate_limited_requests = 0

    def __init__(self, served: list[dict[str, Any]], count: int | None) -> None:
        self.texts = tuple(json.dumps(record).encode() for record in served)
        self.count = count
        self.requests_made = 0

    def list_tasks(self, query: Any, *, limit: int, offset: int) -> Page:
        self.requests_made += 1
        query.parameters()  # what a real client sends
        return Page(self.texts[offset : offset + limit], self.count, NOW, query, limit, offset, 200)

    def show_task(self, task_id: str) -> Page:
        self.requests_made += 1
        return Page(self.texts[:1], None, NOW, None, None, None, 200)


@given(st.lists(records, max_size=8), st.sampled_from([None, 0, 3, 10**18]))
def test_no_record_stops_an_examination(served: list[dict[str, Any]], count: int | None) -> None:
    client = Hostile(served, count)
    found = examine(SOURCE, client, Clocks(lambda: NOW, lambda: 0.0))  # type: ignore[arg-type]
    assert found.is_well
    assert len(found.findings) == 13
    assert client.requests_made <= MAX_REQUESTS
