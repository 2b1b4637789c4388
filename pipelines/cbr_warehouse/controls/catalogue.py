"""The controls as their ``.sql`` files define them: name, version, title, definition, clauses and query."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cbr_warehouse.analytics.catalogue import PARTS, joined_lines, parse_header
from cbr_warehouse.controls.clauses import CLAUSES
from cbr_warehouse.settings.analytics import THRESHOLDS
from cbr_warehouse.settings.control_exceptions import CONTROL_NAMES

_OWN_PARTS = ("Title", "Version", "Population", "Window", "Missing days", "Clauses", "Alarm")
"""What the header of a control says besides what that of a view does; the last only where it is an alarm."""

_HIDE = "may hide failures"
_BY_ROW = "are judged by row"


@dataclass(frozen=True)
class Support:
    """A clause that a control supports.

    Attributes:
        clause: The clause, as in ``CLAUSES``.
        why: What the control shows of it.
    """

    clause: str
    why: str


@dataclass(frozen=True)
class Control:
    """One control.

    Attributes:
        name: Its name, which users select by and make exceptions for: it is never renamed.
        version: Counts up when its definition changes.
        title: What holds where it passes.
        counted: What its population consists of, in the plural, such as ``resources``.
        population: Which of them.
        parts: What its header says besides: Question, Grain, Definition, Settings, Edge cases.
        window: The setting that says how far back from the watermark it looks; None where it looks at now.
        needs_days: Whether it passes only if all days of the window are complete.
        supports: The clauses that it supports.
        alarm: The alarm whose rows fail it: a view with a measured error rate; None without one.
        query: One row for each member of the population: ``source``, ``item`` (an id), ``name``, ``fails``
            (NULL where it cannot be judged), ``why``, ``since`` and ``worst`` (the larger, the worse).
    """

    name: str
    version: int
    title: str
    counted: str
    population: str
    parts: dict[str, str]
    window: str | None
    needs_days: bool
    supports: tuple[Support, ...]
    alarm: str | None
    query: str

    @property
    def thresholds(self) -> tuple[str, ...]:
        """The settings of ``analytics.settings`` that it names."""
        named = {word.strip() for word in self.parts["Settings"].split(",")}
        return tuple(name for name in THRESHOLDS if name in named)


@cache
def read_controls() -> tuple[Control, ...]:
    """All controls, in the order in which they are reported."""
    return tuple(parse_control(name, _text(f"sql/{name}.sql")) for name in CONTROL_NAMES)


@cache
def read_frame() -> str:
    """The query around that of each control, which makes the verdict of its rows."""
    return parse_header(_text("outcome.sql"), PARTS)[1]


def parse_control(name: str, text: str) -> Control:
    """Reads a control from the text of its file.

    Args:
        name: Its name.
        text: A header of comments, then the query.

    Raises:
        ValueError: The header lacks a part, or has a clause or a setting that is not known.
    """
    lines, query = parse_header(text, (*PARTS, *_OWN_PARTS))
    clauses = lines.pop("Clauses", [])
    parts = {part: " ".join(word.strip() for word in words) for part, words in lines.items()}
    if missing := [part for part in (*PARTS, *_OWN_PARTS[:-2]) if not parts.get(part)]:
        raise ValueError(f"{name}.sql: the header lacks {', '.join(missing)}")
    window, missing_days = parts["Window"], parts["Missing days"]
    if window not in {*THRESHOLDS, "none"} or missing_days not in {_HIDE, _BY_ROW}:
        raise ValueError(f"{name}.sql: the window or what missing days do is not known")
    counted, _, population = parts["Population"].partition("; ")
    return Control(
        name=name,
        version=int(parts["Version"]),
        title=parts["Title"],
        counted=counted,
        population=population,
        parts={part: parts[part] for part in PARTS},
        window=None if window == "none" else window,
        needs_days=missing_days == _HIDE,
        supports=tuple(_supports(name, joined_lines(clauses))),
        alarm=parts.get("Alarm"),
        query=query,
    )


def _supports(name: str, lines: Iterable[str]) -> Iterable[Support]:
    for line in lines:
        clause, _, why = line.partition(": ")
        if clause not in CLAUSES or not why:
            raise ValueError(
                f"{name}.sql: {clause!r} is not in controls/clauses.py, or nothing is said of it"
            )
        yield Support(clause, why)


def _text(path: str) -> str:
    return files("cbr_warehouse.controls").joinpath(path).read_text(encoding="utf-8")
