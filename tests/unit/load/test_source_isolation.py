"""An exception anywhere in the load of one source is that source's failure and stops no other."""

import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.load import publish
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.result import LoadResult
from cbr_warehouse.load.run import load
from cbr_warehouse.raw.ledgers import read_loads
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import TokenCredentials
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.query import query
from cbr_warehouse.warehouse.update import Publication
from support.living_source import Dialect, LivingSource, living

pytestmark = pytest.mark.fault("isolation of sources")

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRET = "very-secret-token-of-the-source"
ROOMS = ("load", "extract", "verify", "raw", "tables", "storage", "contract")
ISOLATION = {
    "_load_exclusively",
    "fail_source",
    "_SourceLoad.__init__",
    "_SourceLoad.fail",
    "_requested_purpose",
    "describe_failure",
}
"""What the isolation itself consists of."""

MOST_SPOTS = 15
"""About how many functions of a room are tried."""


class UnforeseenError(Exception):
    """Nothing in the code knows this type."""


class Sources:
    """Two sources side by side in one data directory."""

    def __init__(self, folder: Path) -> None:
        self.directory = DataDirectory(folder)
        self.now = NOW
        self.apis: dict[str, LivingSource] = {}
        self.ready: list[ReadySource] = []
        for name in ("broken", "healthy"):
            self.apis[name] = living(NOW, 5, Dialect())
            settings = {"name": name, "endpoint": "http://x", "project_id": "p", "token": "env:X"}
            self.ready.append(
                ReadySource(
                    SourceSettings.model_validate(settings | {"history": "2d"}),
                    TokenCredentials(SecretStr(SECRET)),
                )
            )

    def load(self) -> LoadResult:
        context = LoadContext(
            self.directory,
            read_contract(),
            lambda: self.now,
            uuid4,
            lambda ready: self.apis[ready.settings.name],
        )
        return load(context, self.ready, LoadRequest())

    def tasks(self) -> dict[str, int]:
        rows = query(self.directory.warehouse, "SELECT source, count(*) FROM tasks GROUP BY source").rows
        return dict(rows)


def is_broken_source() -> bool:
    """Whether the calling thread works for the source that is to fail."""
    return "-broken" in threading.current_thread().name


@dataclass(frozen=True)
class Spot:
    """A function that a load calls, with every place that refers to it."""

    name: str
    function: FunctionType
    places: tuple[tuple[Any, str], ...]

    def break_here(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Makes it raise for the one source; the list grows with every time it did."""
        raised: list[str] = []

        def raise_for_one(*words: Any, **options: Any) -> Any:
            if is_broken_source():
                raised.append(self.name)
                raise UnforeseenError(f"with {SECRET} in it")
            return self.function(*words, **options)

        for owner, name in self.places:
            monkeypatch.setattr(owner, name, raise_for_one)
        return raised


def called_by(run: Callable[[], object]) -> set[CodeType]:
    """The code that runs for the source that is to fail."""
    called: set[CodeType] = set()

    def note(frame: FrameType, event: str, _value: object) -> None:
        if event == "call" and is_broken_source():
            called.add(frame.f_code)

    threading.setprofile(note)
    try:
        run()
    finally:
        threading.setprofile(None)
    return called


def spots_of(room: str, called: set[CodeType]) -> Iterator[Spot]:
    """The functions of a room among those called."""
    modules = [module for name, module in sys.modules.items() if name.startswith("cbr_warehouse.")]
    owners = [*modules, *{id(one): one for module in modules for one in classes_of(module)}.values()]
    places: dict[FunctionType, list[tuple[Any, str]]] = {}
    for owner in owners:
        for name, value in vars(owner).items():
            function = inspect.unwrap(value) if inspect.isfunction(value) else None
            if isinstance(function, FunctionType) and function.__code__ in called:
                places.setdefault(value, []).append((owner, name))
    for function, found in places.items():
        is_generated = function.__code__.co_filename == "<string>"  # of a dataclass
        if function.__module__.startswith(f"cbr_warehouse.{room}.") and not is_generated:
            yield Spot(function.__qualname__, function, tuple(found))


def classes_of(module: Any) -> list[type]:
    return [value for value in vars(module).values() if inspect.isclass(value)]


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> set[CodeType]:
    place = Sources(tmp_path_factory.mktemp("undisturbed"))
    return called_by(place.load)


@pytest.mark.parametrize("room", ROOMS)
def test_whatever_one_source_raises_wherever_the_other_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: set[CodeType], room: str
) -> None:
    """An OverflowError of one source's token stopped all others, and nothing was published."""
    spots = [spot for spot in spots_of(room, called) if spot.name not in ISOLATION]
    assert len(spots) > 3
    spots = spots[:: max(1, len(spots) // MOST_SPOTS)]
    published: list[bool] = []
    broke = 0
    with monkeypatch.context() as patched:
        patched.setattr(
            publish, "build_warehouse", lambda *_words, **_options: published.append(True) or Publication()
        )
        for number, spot in enumerate(spots):
            place = Sources(tmp_path / str(number))
            with monkeypatch.context() as planted:
                raised = spot.break_here(planted)
                result = place.load()
            broke += bool(raised)
            broken, healthy = result.sources
            assert healthy.entry.outcome == "done", spot
            assert published, spot
            published.clear()
            if broken.entry.outcome == "failed":  # else it is a step that a load survives
                assert result.exit_status(strict=False) == 1
                assert "UnforeseenError" in str(broken.entry.message), spot
                assert SECRET not in str(broken.entry.message), spot
    assert broke > 0.7 * len(spots)  # what only a busy lock calls may not come


def test_the_other_source_is_published_and_the_failure_is_in_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Sources(tmp_path)
    expected = place.apis["healthy"].tasks

    def overflow(*_words: object, **_options: object) -> None:
        raise OverflowError("date value out of range")

    monkeypatch.setattr(place.apis["broken"], "list_tasks", overflow)
    result = place.load()
    assert result.exit_status(strict=False) == 1
    assert expected
    assert place.tasks().keys() == {"healthy"}
    rows = query(place.directory.warehouse, "SELECT source, outcome, message FROM loads ORDER BY source").rows
    assert [(row[0], row[1]) for row in rows] == [("broken", "failed"), ("healthy", "done")]
    assert "OverflowError: date value out of range" in next(iter(rows))[2]


def test_a_source_that_failed_is_loaded_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Sources(tmp_path)
    with monkeypatch.context() as planted:
        planted.setattr("cbr_warehouse.load.source_load.verify_days", lambda *_words: 1 / 0)
        assert place.load().exit_status(strict=False) == 1
    place.now += timedelta(minutes=1)
    assert place.load().exit_status(strict=False) == 0
    assert place.tasks()["broken"] == place.tasks()["healthy"]
    assert [entry.outcome for entry in read_loads(place.directory, "broken")] == ["failed", "done"]
