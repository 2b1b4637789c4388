"""``cbr-warehouse maintain`` as users run it: says what there is to do, does it, and loses nothing."""

import re
from collections.abc import Callable
from pathlib import Path

from support.command_line import Workplace

LINE = re.compile(
    r"prod: (\d+) ledgers? (?:to fold|folded), (\d+) raw files? of (\d+) days? (?:to compact|compacted), "
    r"(\d+) leftovers? (?:to remove|removed), (\d+) old days? (?:to remove|removed)\n"
)
CONTENT = "SELECT count(*) AS n, sum(hash(v)) AS content FROM task_versions AS v"


def files_below(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def numbers(workplace: Workplace, *words: str) -> tuple[int, ...]:
    done = workplace.run("maintain", *words)
    assert (done.status, done.err) == (0, "")
    found = LINE.fullmatch(done.out)
    assert found, done.out
    return tuple(map(int, found.groups()))


def test_without_a_loaded_source_it_says_so(workplace: Workplace) -> None:
    workplace.configure("http://127.0.0.1:9")
    done = workplace.run("maintain")
    assert (done.status, done.out) == (0, "There is nothing to maintain: no source was loaded yet.\n")


def test_it_does_what_the_dry_run_says_and_loses_nothing(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    endpoint = emulate("--tasks", "300", "--days", "6", "--now", "2026-11-20T01:30:00Z")
    workplace.configure(endpoint, history="6d")
    for days in ("2026-11-15", "2026-11-17"):
        assert workplace.run("load", "--since", days, "--until", "2026-11-18").status in (0, 1)
    for _ in range(2):
        assert workplace.run("load").status in (0, 1)
    before, kept = files_below(workplace.data / "raw"), workplace.sql(CONTENT)
    foreseen = numbers(workplace, "--dry-run")
    assert files_below(workplace.data / "raw") == before
    assert sum(foreseen) > 0
    assert numbers(workplace) == foreseen
    assert files_below(workplace.data / "raw") < before
    assert numbers(workplace, "--dry-run")[1:] == (0, 0, 0, 0)
    assert workplace.run("rebuild").status == 0
    assert workplace.sql(CONTENT) == kept


def test_a_damaged_file_is_named(workplace: Workplace, emulate: Callable[..., str]) -> None:
    workplace.configure(emulate("--tasks", "60", "--days", "2"), history="2d")
    assert workplace.run("load").status in (0, 1)
    ledger = next((workplace.data / "raw" / "audits").rglob("*.json"))
    ledger.write_text("{}")
    done = workplace.run("maintain")
    assert done.status == 1
    assert ledger.name in done.err
    assert "Traceback" not in done.err


def test_days_older_than_keep_are_removed_and_published(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    served = emulate(
        "--tasks", "300", "--days", "100", "--now", "2026-11-20T01:30:00Z", "--dialect", "retention=none"
    )
    workplace.configure(served, history="65d")
    config = workplace.folder / "cbr-warehouse.toml"
    config.write_text('keep = "65d"\n' + config.read_text())
    assert workplace.run("load", "--since", "2026-08-20").status in (0, 1)
    assert workplace.run("load").status in (0, 1)
    foreseen = numbers(workplace, "--dry-run")
    assert foreseen[-1] > 20
    assert numbers(workplace)[-1] == foreseen[-1]
    (left,) = workplace.sql(
        "SELECT (SELECT min(day) FROM tasks) AS first, count(*) FILTER (removed_at IS NOT NULL) AS removed, "
        "min(day) FILTER (held > 0 AND removed_at IS NULL) AS kept FROM coverage"
    )
    assert left["removed"] == foreseen[-1]
    assert left["first"] == left["kept"]
    assert workplace.run("verify").status == 0
    assert workplace.run("load", "--strict").status in (0, 1)
    assert numbers(workplace, "--dry-run")[-1] == 0
