"""``--log-format json``: every line of stderr is an object with source and load, of whichever thread."""

import json
from collections.abc import Callable

from support.command_line import Workplace

Emulate = Callable[..., str]


def test_every_line_is_an_object_with_the_ids_of_its_load(workplace: Workplace, emulate: Emulate) -> None:
    url = emulate("--tasks", "600", "--days", "5", "--fault", "throttle=@3")
    workplace.configure(url, history="4d")
    done = workplace.run("load", "--log-format", "json", "--debug")
    assert done.status == 0, done.err
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert len(lines) > 5
    assert all({"at", "level", "logger", "message"} <= line.keys() for line in lines)
    (row,) = json.loads(workplace.run("sql", "SELECT load_id FROM loads", "--format", "json").out)
    steps = [line for line in lines if line["logger"] == "cbr_warehouse.progress" and "source" in line]
    assert any("tasks received" in line["message"] for line in steps)
    # The retry was logged by a thread of the load's own.
    retries = [line for line in lines if "429" in line["message"] and "load" in line]
    assert retries
    assert {(line["source"], line["load"]) for line in retries} == {("prod", row["load_id"])}
    assert "demo-token" not in done.err


def test_an_error_is_an_object_too(workplace: Workplace) -> None:
    workplace.configure("http://127.0.0.1:1")
    done = workplace.run("--log-format", "json", "sql", "SELECT 1")
    (line,) = map(json.loads, done.err.splitlines())
    assert "cbr-warehouse load" in line["message"]
    assert done.status == 1


def test_text_is_what_it_was(workplace: Workplace) -> None:
    workplace.configure("http://127.0.0.1:1")
    plain, text = workplace.run("sql", "SELECT 1"), workplace.run("sql", "SELECT 1", "--log-format", "text")
    assert plain.err.startswith("cbr-warehouse: ")
    assert text.err == plain.err


def test_another_format_is_refused(workplace: Workplace) -> None:
    workplace.configure("http://127.0.0.1:1")
    assert workplace.run("status", "--log-format", "xml").status == 2
