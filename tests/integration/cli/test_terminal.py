"""What people see of a real command: no name that steers the terminal, and any encoding of stdout."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import Workplace
from support.small_log import SmallLog
from support.terminal import run_on_terminal

pytestmark = pytest.mark.fault("hostile text")

RECORDS = Path(__file__).parents[2] / "data" / "hostile-names.json"
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
NAME = "Ä 中文 😀"


def test_control_characters_of_names_are_shown_and_never_sent(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    """A vault's name set the title of the terminal, and a task's id wiped its screen."""
    workplace.configure(emulate("--records", str(RECORDS), "--now", "2026-11-28T00:00:00Z"))
    printed = []
    for words in (
        ("load",),
        ("status",),
        ("plan",),
        ("quarantine", "list"),
        ("sql", "SELECT vault_name, extra FROM tasks"),
        ("sql", "SELECT error(chr(27) || '[2J')"),
        ("--data-dir", "no\x1b[2Jwhere", "status"),
        ("--config", "no\x1b[2Jwhere", "status"),
        ("report", "--period", "\x1b[2J"),
        ("load", "--since", "\x1b[2J"),
        ("status", "\x1b[2J"),
        ("status", "--\x1b[2J"),
        ("\x1b[2J",),
    ):
        done = workplace.run(*words)
        printed.append(done.out + done.err)
        assert not STEERING.search(printed[-1]), (words, done)
    assert "\\x1b]0;owned\\x07" in "".join(printed)
    for words in (("quarantine", "list"), ("sql", "FROM tasks"), ("status",)):
        seen = run_on_terminal(workplace, 80, *words)
        assert seen.status == 0, seen.err
        assert not STEERING.search(seen.out), words


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    workplace = Workplace(tmp_path_factory.mktemp("encodings"))
    workplace.data.mkdir()
    log = SmallLog()
    log.backup("disk", "2026-03-09 01:00", vault_name=NAME)
    log.publish(workplace.data / "warehouse.duckdb")
    return workplace


@pytest.mark.parametrize("encoding", ["ascii:strict", "latin-1", "cp1252:strict", "utf-16"])
def test_any_encoding_of_stdout_works(stored: Workplace, encoding: str) -> None:
    """A name with an umlaut ended the command where stdout was ASCII."""
    for form in ("table", "json", "csv"):
        done = stored.run("sql", "SELECT vault_name FROM tasks", "--format", form, encoding=encoding)
        assert (done.status, done.err) == (0, "")
        if form == "json":
            assert json.loads(done.out) == [{"vault_name": NAME}]
    refused = stored.run("load", "--since", f"gestern {NAME}", encoding=encoding)
    assert refused.status == 2
    assert "is not a time" in refused.err
