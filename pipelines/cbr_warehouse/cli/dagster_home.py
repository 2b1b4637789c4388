"""``cbr-warehouse dagster-home``: makes a DAGSTER_HOME with the settings that the schedule needs."""

import shlex
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from cbr_warehouse.cli.terminal_text import visible
from cbr_warehouse.contract.visible_text import escape_invisible
from cbr_warehouse.errors import UsageError
from cbr_warehouse.storage.atomic_write import read_file, write_bytes

SETTINGS_FILE = "dagster.yaml"
"""The file that Dagster reads its instance settings from."""

DEFAULT_RUNS = 4
"""As ``dagster.yaml`` has it."""

_RUNS = "max_concurrent_runs: "
_RETRIES = "max_retries: "
_MANY_HOSTS_RETRIES = 3
"""A host may go while it repeats what another one left."""


class Launcher(StrEnum):
    """What starts runs, and where."""

    PROCESS = "process"
    CELERY = "celery"
    KUBERNETES = "kubernetes"


Home = Annotated[Path, typer.Argument(help="The folder, on a local disk; it is made if there is none.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a dagster.yaml that is different.")]
PostgreSql = Annotated[
    bool,
    typer.Option("--postgresql", help="Keep Dagster's history in PostgreSQL; implied by other launchers."),
]
Launch = Annotated[
    Launcher,
    typer.Option("--launcher", help="Where runs are: processes of this host, workers of Celery, or pods."),
]
Runs = Annotated[int, typer.Option("--runs", min=1, help="How many runs there are at once, on all hosts.")]


def dagster_home(
    home: Home,
    *,
    launcher: Launch = Launcher.PROCESS,
    postgresql: PostgreSql = False,
    runs: Runs = DEFAULT_RUNS,
    force: Force = False,
) -> None:
    """Write a DAGSTER_HOME with the dagster.yaml that scheduled loads need."""
    target = home.expanduser().absolute() / SETTINGS_FILE
    wanted = _settings(launcher, runs, is_postgresql=postgresql).encode()
    present = read_file(target)
    if present not in {None, wanted} and not force:
        raise UsageError(
            f"{target}: differs from the settings that scheduled loads need, so it is left as it is. "
            "Merge the two (docs/dagster.md explains each setting), or replace it with --force."
        )
    if present != wanted:
        write_bytes(target, wanted)
    print(f"export DAGSTER_HOME={_quote(str(target.parent))}")


def _settings(launcher: Launcher, runs: int, *, is_postgresql: bool) -> str:
    """The text of ``dagster.yaml``: settings of every installation, then those of storage and launcher."""
    text = _part(SETTINGS_FILE).replace(f"{_RUNS}{DEFAULT_RUNS}", f"{_RUNS}{runs}")
    is_spread = launcher is not Launcher.PROCESS
    if is_spread:
        text = text.replace(f"{_RETRIES}1", f"{_RETRIES}{_MANY_HOSTS_RETRIES}")
    if is_postgresql or is_spread:
        text += _part("dagster_postgresql.yaml")
    if is_spread:
        text += _part("dagster_several_hosts.yaml") + _part(f"dagster_{launcher}.yaml")
    return text


def _part(name: str) -> str:
    return files("cbr_warehouse.defs").joinpath(name).read_text(encoding="utf-8")


def _quote(path: str) -> str:
    """A path as a word for the shell; characters that could steer a terminal as escapes of bash and zsh."""
    if visible(path) == path and "\n" not in path:
        return shlex.quote(path)
    escaped = escape_invisible(path.replace("\\", "\\\\").replace("'", "\\'"))
    return f"$'{escaped}'"
