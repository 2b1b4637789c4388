"""Records what a new user sees: ``docs/demo.cast`` (asciinema, v2), and ``docs/demo.svg`` for the README.

``make recording`` runs it. The commands run on a pseudo-terminal in an empty folder; waits are shortened to a
second, so that the recording takes as long as it takes to read.
"""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
COLUMNS, ROWS = 110, 32
LONGEST_WAIT = 1.0
KEY_SECONDS = 0.04
READING_SECONDS = 4.0
LINE_HEIGHT, CHARACTER_WIDTH, MARGIN = 18, 8.0, 14

SCENES = (
    "demo --tasks 4000 --days 14 --seed 7",
    'sql "SELECT resource_type, resources, within_rpo, never FROM analytics.protection_coverage"',
    'sql "SELECT resource_name, strikes, text_en FROM analytics.unresolved_failures ORDER BY 2 DESC LIMIT 5"',
    "views protection_coverage",
)
"""The commands, each on a screen of its own."""


@dataclass(frozen=True)
class Event:
    """Text that appears, some seconds after the beginning."""

    at: float
    text: str


def run(words: str, folder: Path) -> Iterator[tuple[float, str]]:
    """Runs a command on a pseudo-terminal; gives what it prints, with the seconds before it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    command = Path(sys.executable).with_name("cbr-warehouse")
    environ = {**os.environ, "TERM": "dumb", "PATH": f"{command.parent}:{os.environ['PATH']}"}
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"cbr-warehouse {words}"],
        cwd=folder,
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    before = time.monotonic()
    with suppress(OSError):  # Linux reports the end of a terminal as an error
        while chunk := os.read(ours, 65_536):
            now = time.monotonic()
            yield now - before, chunk.decode(errors="replace")
            before = now
    os.close(ours)
    if process.wait():
        raise SystemExit(f"cbr-warehouse {words}: exit status {process.returncode}")


def record(folder: Path) -> list[list[Event]]:
    """The events of each scene."""
    at, scenes = 0.5, []
    for words in SCENES:
        events = [Event(at, "$ ")]
        for key in f"cbr-warehouse {words}":
            at += KEY_SECONDS
            events.append(Event(at, key))
        events.append(Event(at + 0.3, "\r\n"))
        at += 0.3
        for waited, text in run(words, folder):
            at += min(waited, LONGEST_WAIT)
            events.append(Event(at, text))
        scenes.append(events)
        at += READING_SECONDS
    return scenes


def to_cast(scenes: list[list[Event]]) -> str:
    """The recording in asciinema's format, version 2."""
    head = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "cbr-warehouse", "env": {"TERM": "dumb"}}
    lines = [json.dumps(head)]
    for number, events in enumerate(scenes):
        clear = [] if number == 0 else [Event(events[0].at, "\x1b[2J\x1b[H")]
        lines += [json.dumps([round(one.at, 3), "o", one.text]) for one in (*clear, *events)]
    return "\n".join(lines) + "\n"


def lines_of(events: list[Event]) -> list[tuple[float, str]]:
    """The lines of a scene with the time at which each is whole; too long ones are wrapped."""
    text = "".join(one.text for one in events)
    ends, position = [], 0
    for one in events:
        position += len(one.text)
        ends.append((position, one.at))
    found, start = [], 0
    for line in text.split("\n"):
        start += len(line) + 1
        at = next((moment for end, moment in ends if end >= min(start, position)), events[-1].at)
        shown = line.rstrip("\r").rpartition("\r")[2]  # what a progress line says in the end
        pieces = [shown[i : i + COLUMNS] for i in range(0, len(shown), COLUMNS)] or [""]
        found += [(at, piece) for piece in pieces]
    return found


def to_svg(scenes: list[list[Event]]) -> str:
    """The recording as one picture that plays in a loop, without scripts; the newest lines of each scene."""
    total = scenes[-1][-1].at + READING_SECONDS
    width, height = COLUMNS * CHARACTER_WIDTH + 2 * MARGIN, ROWS * LINE_HEIGHT + 2 * MARGIN
    size = f'viewBox="0 0 {width:.0f} {height}"'
    label = 'role="img" aria-label="Recording of cbr-warehouse: demo, two queries, the definition of a view"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {label}>',
        "<style>",
        "text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#d8dee9;white-space:pre}",
        f".s{{opacity:0;animation:{total:.1f}s step-end infinite}}",
        "@media (prefers-reduced-motion:reduce){.s{animation:none}.last{opacity:1}}",
        "</style>",
        '<rect width="100%" height="100%" rx="6" fill="#1d2128"/>',
    ]
    for number, events in enumerate(scenes):
        ends = scenes[number + 1][0].at if number + 1 < len(scenes) else total
        for row, (at, line) in enumerate(shown_lines(lines_of(events))):
            name = f"l{number}x{row}"
            begin, end = 100 * at / total, min(100 * ends / total, 99.99)
            rule = f"@keyframes {name}{{{begin:.2f}%{{opacity:1}}{end:.2f}%{{opacity:0}}}}"
            last = " last" if number + 1 == len(scenes) else ""
            y = MARGIN + (row + 1) * LINE_HEIGHT - 4
            parts.append(
                f'<style>{rule}</style><text class="s{last}" style="animation-name:{name}" x="{MARGIN}" '
                f'y="{y}" xml:space="preserve">{escape(line)}</text>'
            )
    return "\n".join([*parts, "</svg>", ""])


def shown_lines(lines: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """The command and what of its output fits on the screen below it: the end."""
    if len(lines) <= ROWS:
        return lines
    return [lines[0], (lines[1][0], "…"), *lines[-(ROWS - 2) :]]


def main() -> None:
    """Records, and writes both files."""
    with tempfile.TemporaryDirectory() as folder:
        scenes = record(Path(folder))
        for suffix, text in (("cast", to_cast(scenes)), ("svg", to_svg(scenes))):
            (ROOT / "docs" / f"demo.{suffix}").write_text(text.replace(folder, "~"), encoding="utf-8")


if __name__ == "__main__":
    main()
