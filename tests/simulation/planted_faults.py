"""Faults to plant in the code under test, to see that a life finds them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.verify.judge import Judgement
from simulation.replacement import replaced

Substitute = Callable[[Any], Any]


def drops_a_record(plain: Any) -> Any:
    """The last record of each page with more than four is not landed."""

    def make(records: Any, *rest: Any) -> Any:
        return plain(records[:-1] if len(records) > 4 else records, *rest)

    return make


def drops_a_page(plain: Any) -> Any:
    """The second page of a sweep is not landed."""

    def make(records: Any, sweep: int, number: int, *rest: Any) -> Any:
        return plain([] if number == 1 else records, sweep, number, *rest)

    return make


def calls_every_day_complete(plain: Any) -> Any:
    """Whatever the counts say, and today too."""
    del plain
    return lambda *_, **__: Judgement(DayState.COMPLETE)


def calls_every_past_day_complete(plain: Any) -> Any:
    """Every day that is over, whatever its counts say."""

    def judge(found: Any, *, is_today: bool, **rest: Any) -> Judgement:
        return plain(found, is_today=True, **rest) if is_today else Judgement(DayState.COMPLETE)

    return judge


def loses_a_version(plain: Any) -> Any:
    """Compaction leaves out the last record of a day."""

    def content(kind: str, paths: Any) -> Iterator[Any]:
        for table in plain(kind, paths):
            yield table.slice(0, table.num_rows - 1) if kind == "records" else table

    return content


def does_nothing(plain: Any) -> Any:
    """It is not done at all."""
    del plain
    return lambda *_, **__: None


def says_yes(plain: Any) -> Any:
    """It is not looked at."""
    del plain
    return lambda *_, **__: True


FAULTS: dict[str, tuple[tuple[str, str, Substitute], ...]] = {
    "drops-a-record": (("extract.sweep_runner", "ReceivedPage", drops_a_record),),
    "drops-a-page": (("extract.sweep_runner", "ReceivedPage", drops_a_page),),
    "every-day-complete": (("verify.verify_days", "judge", calls_every_day_complete),),
    "every-past-day-complete": (("verify.verify_days", "judge", calls_every_past_day_complete),),
    "loses-a-version": (("raw.compaction", "_content", loses_a_version),),
    "last-seen-stays": (("warehouse.update", "update_last_seen", does_nothing),),
    "no-checksums": tuple(
        (module, "is_intact", says_yes)
        for module in ("raw.damage", "raw.compaction", "raw.known_texts", "tables.sightings")
    ),
    "no-locks": (("storage.lock", "_try_lock", says_yes),),
    "never-syncs": (("storage.atomic_write", "_sync", does_nothing),),
}
"""By the name that ``python -m simulation --plant`` takes: module, function, and what stands in for it."""


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Plants a fault while the block runs."""
    with ExitStack() as stack:
        for module, function, substitute in FAULTS[name]:
            stack.enter_context(replaced(import_module(f"cbr_warehouse.{module}"), function, substitute))
        yield
