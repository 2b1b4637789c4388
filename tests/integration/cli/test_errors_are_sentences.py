"""Whatever is wrong: a sentence with the remedy, the right exit status, and nothing half written."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import Finished, Workplace

SECRET = "s3cret-of-mine"


def says(done: Finished, status: int, *words: str) -> None:
    """Holds that a command ended with a status and a sentence that has the words, and no traceback."""
    assert done.status == status, done.err
    for word in words:
        assert word in done.err
    assert "Traceback" not in done.err
    assert SECRET not in done.out + done.err


def test_a_wrong_token_names_the_source_and_the_remedy(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(emulate("--tasks", "50", "--days", "2"), history="2d")
    done = workplace.run("load", CBR_TOKEN=SECRET)
    says(done, 1, "prod", "401", "token")
    assert workplace.sql("SELECT outcome, new FROM loads") == [{"outcome": "failed", "new": 0}]


def test_an_unreachable_endpoint_names_the_address(workplace: Workplace) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    workplace.configure(f"http://127.0.0.1:{port}")
    says(
        workplace.run("load", CBR_WAREHOUSE_PATIENCE="0", CBR_TOKEN=SECRET),
        1,
        f"127.0.0.1:{port}",
        "endpoint",
    )


@pytest.mark.parametrize("verb", ["load", "status", "plan", "rebuild"])
@pytest.mark.fault("configuration mistakes")
def test_malformed_toml_tells_line_and_column(workplace: Workplace, verb: str) -> None:
    (workplace.folder / "cbr-warehouse.toml").write_text('data_dir = "data"\n[[sources]\n')
    says(workplace.run(verb), 2, "cbr-warehouse.toml", "line 2")
    assert not workplace.data.exists()


@pytest.mark.fault("configuration mistakes")
def test_all_faults_of_a_configuration_are_told_at_once(workplace: Workplace) -> None:
    workplace.configure("ftp://nowhere", histroy="30d", token=SECRET)
    done = workplace.run("load")
    says(done, 2, "histroy", "history", "endpoint", "env:NAME")
    assert not workplace.data.exists()


def test_a_missing_variable_is_named(workplace: Workplace) -> None:
    workplace.configure("http://127.0.0.1:9", token="env:NOT_SET_ANYWHERE")
    says(workplace.run("load"), 2, "NOT_SET_ANYWHERE")
    assert not workplace.data.exists()


def test_no_source_at_all_says_how_to_configure_one(workplace: Workplace) -> None:
    says(workplace.run("load"), 2, "[[sources]]")


@pytest.mark.fault("disk errors")
def test_a_data_directory_that_cannot_be_written_is_named(workplace: Workplace) -> None:
    blocker = workplace.folder / "file"
    blocker.write_text("in the way")
    workplace.configure("http://127.0.0.1:9")
    says(workplace.run("--data-dir", str(blocker / "data"), "load"), 1, str(blocker / "data"), "--data-dir")


def test_a_port_in_use_is_named(workplace: Workplace) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        says(workplace.run("emulator", "--port", str(port), "--tasks", "10"), 2, str(port), "--port")


@pytest.mark.parametrize(
    "words", [["load", "--sinse", "1d"], ["lode"], ["sql"], ["sql", "x", "--format", "xml"]]
)
def test_wrong_words_exit_with_two(workplace: Workplace, words: list[str]) -> None:
    assert workplace.run(*words).status == 2


@pytest.mark.parametrize(
    "words",
    [["--since", "yesterday"], ["--until", "2026-01-01"], ["--since", "2026-01-02", "--until", "2026-01-01"]],
)
@pytest.mark.fault("configuration mistakes")
def test_a_range_that_cannot_be_is_explained(workplace: Workplace, words: list[str]) -> None:
    workplace.configure("http://127.0.0.1:9")
    says(workplace.run("load", *words), 2, "--")


@pytest.mark.parametrize("words", [["status"], ["sql", "SELECT 1"], ["rebuild"]])
def test_without_a_warehouse_the_commands_say_how_to_make_one(workplace: Workplace, words: list[str]) -> None:
    says(workplace.run(*words), 1, "cbr-warehouse load")


def test_a_traceback_stands_only_behind_debug(workplace: Workplace) -> None:
    assert "Traceback" in workplace.run("--debug", "status").err


@pytest.mark.fault("statements that write")
def test_a_query_cannot_write_or_leave_the_warehouse(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(emulate("--tasks", "50", "--days", "2"), history="2d")
    assert workplace.run("load").status == 0
    target = workplace.folder / "out.csv"
    for statement in (
        f"COPY tasks TO '{target}'",
        "DELETE FROM tasks",
        f"ATTACH '{target}'",
        "SELECT * FROM nowhere",
    ):
        says(workplace.run("sql", statement), 1, "query failed")
    assert not target.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's own")
@pytest.mark.parametrize("words", [("schema", "--json"), ("--version",)])
@pytest.mark.fault("disk errors")
def test_output_that_cannot_be_written_is_told_as_such(workplace: Workplace, words: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123  a device, not a file
        done = subprocess.run(
            [sys.executable, "-m", "cbr_warehouse.cli.main", *words],
            cwd=workplace.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr
