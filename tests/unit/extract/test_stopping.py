"""Where one request fails, the others stop soon: none is begun that no one waits for."""

import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

import pytest

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.errors import TransientSourceError
from cbr_warehouse.extract.plan import Sweep
from cbr_warehouse.extract.source_clock import SourceClock
from cbr_warehouse.extract.sweep_runner import WORKERS, SweepRunner
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.storage.layout import DataDirectory

pytestmark = pytest.mark.fault("isolation of sources")

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WHOLE = TaskQuery(start_time=NOW - DAY, end_time=NOW)


class Client:
    """A source that a test answers for, with numbered records that never repeat."""

    def __init__(self, answer: Callable[["Client", TaskQuery], Page]) -> None:
        self._answer = answer
        self._numbers = itertools.count()
        self._lock = Lock()
        self.asked = 0

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        with self._lock:
            self.asked += 1
        return self._answer(self, query)

    def page(self, query: TaskQuery, count: int) -> Page:
        """Two rows, of which the second is the first of the next page."""
        number = next(self._numbers)
        records = tuple(
            f'{{"id": "{one}", "created_at": "2026-11-19T12:00:00Z"}}'.encode()
            for one in (number, number + 1)
        )
        return Page(records, count, NOW, query, limit=1000, offset=0, status=200)


def sweep_runner(folder: Path, client: Client) -> SweepRunner:
    contract, directory = read_contract(), DataDirectory(folder)
    landing = Landing(
        directory, "prod", "L1", validator=RecordValidator(contract), contract=contract.fingerprint
    )
    return SweepRunner(client, landing, directory, "prod", "L1", SourceClock(lambda: NOW, "prod"))  # type: ignore[arg-type]  # asks alike


def test_the_parts_of_a_window_are_not_all_tried_once_one_has_failed(tmp_path: Path) -> None:
    """Each try may take ten minutes: forty parts of a window took hours to fail where one was enough."""

    def fail(client: Client, query: TaskQuery) -> Page:
        if query == WHOLE:
            return client.page(query, count=1_600)  # forty parts
        time.sleep(0.01)
        raise TransientSourceError("the source is down")

    client = Client(fail)
    with pytest.raises(TransientSourceError):
        sweep_runner(tmp_path, client).sweep_all([Sweep(WHOLE, "a dense window")])
    assert client.asked <= 1 + 2 * WORKERS


def test_no_thread_goes_on_after_an_error_that_nobody_foresaw(tmp_path: Path) -> None:
    """They went on landing records while the lock of the data directory was let go."""

    def break_down(client: Client, query: TaskQuery) -> Page:
        time.sleep(0.01)
        if query != WHOLE:
            raise ZeroDivisionError
        return client.page(query, count=2)

    client = Client(break_down)
    sweeps = [Sweep(WHOLE, "endless")] * (WORKERS - 1) + [Sweep(TaskQuery(), "a defect")]
    with pytest.raises(ZeroDivisionError):
        sweep_runner(tmp_path, client).sweep_all(sweeps)
    asked = client.asked
    time.sleep(0.1)
    assert client.asked == asked
