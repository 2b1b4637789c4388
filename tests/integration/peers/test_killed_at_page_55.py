"""Another extractor starts over after it is killed between two pages; this one continues."""

import json
import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Event

from support.emulator_server import NOW, Emulated, Warehouse, emulated, lost
from support.killed_load import Attempt

KILLED = "killed at page 55 of 100: every page is fetched again"
PAGE = 50


def test_killed_at_page_55_only_what_was_not_landed_is_fetched_again(
    tmp_path: Path, proved: Callable[..., None]
) -> None:
    """Killed there, a leading library fetched all 100 pages again."""
    with emulated(tasks=4900, days=29, dialect=[f"max_limit={PAGE}"]) as source:
        whole = pages_of_whole_load(tmp_path / "whole", source)
        assert len(whole) >= 100
        data = tmp_path / "data"
        data.mkdir()
        attempt = Attempt(data, source.url, NOW, tmp_path / "steps", history="30d", has_simulated_dates=True)
        # Windows are landed in groups: how many there are by page 55 is a matter of the machine.
        killed = kill_at_page(source, attempt, 55, lambda: len(within(whole, landed_windows(data))) >= 25)
        assert 55 <= killed < len(whole)
        landed = landed_windows(data)
        source.lists.clear()
        warehouse = Warehouse(data, source)
        warehouse.load()
        again = pages(source)
        fetched_twice, saved = within(again, landed), within(whole, landed)
        assert len(saved) >= 25
        assert len(again) <= len(whole) - len(saved) + 8  # an interrupted sweep may use other offsets
        proved(
            "peer failure", KILLED, times=1, checked=len(saved), unit="pages landed", lost=len(fetched_twice)
        )
        assert lost(warehouse, source.truth()) == []


def pages_of_whole_load(folder: Path, source: Emulated) -> list[dict[str, str]]:
    """The pages that an undisturbed load requests."""
    Warehouse(folder, source).load()
    asked = pages(source)
    source.lists.clear()
    return asked


def pages(source: Emulated) -> list[dict[str, str]]:
    """The list requests whose records are stored; counts and samples are excluded."""
    return [query for query in source.lists if int(query["limit"]) > 100 and "provider_id" not in query]


def kill_at_page(source: Emulated, attempt: Attempt, number: int, is_due: Callable[[], bool]) -> int:
    """Starts a load, kills it after a page was sent, once it is due, and returns the number of pages."""
    reached = Event()

    def watch(_query: dict[str, str]) -> None:
        if len(pages(source)) >= number and is_due():
            reached.set()

    source.after_list = watch
    process = attempt.start()
    assert reached.wait(60)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    source.after_list = lambda _query: None
    return len(pages(source))


def landed_windows(data: Path) -> set[tuple[str | None, str | None]]:
    """The closed windows that were read completely, from the ledger of sweeps."""
    entries = [json.loads(path.read_text()) for path in data.glob("raw/sweeps/source=prod/[!.]*.json")]
    return {(_asked(entry["start"]), _asked(entry["end"])) for entry in entries if entry["end"]}


def within(asked: list[dict[str, str]], windows: set[tuple[str | None, str | None]]) -> list[dict[str, str]]:
    """The pages of some windows."""
    return [page for page in asked if window(page) in windows]


def _asked(instant: str) -> str:
    return f"{datetime.fromisoformat(instant):%Y-%m-%dT%H:%M:%SZ}"


def window(page: dict[str, str]) -> tuple[str | None, str | None]:
    """The query of a page."""
    return page.get("start_time"), page.get("end_time")
