"""``cbr-warehouse dagster-home``: makes a DAGSTER_HOME with the settings that the schedule needs."""

import shlex
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

Home = Annotated[Path, typer.Argument(help="The folder, on a local disk; it is made if there is none.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a dagster.yaml that is different.")]


def dagster_home(home: Home, *, force: Force = False) -> None:
    """Write a DAGSTER_HOME with the dagster.yaml that scheduled loads need."""
    target = home.expanduser().absolute() / SETTINGS_FILE
    wanted = files("cbr_warehouse.defs").joinpath(SETTINGS_FILE).read_bytes()
    present = read_file(target)
    if present not in {None, wanted} and not force:
        raise UsageError(
            f"{target}: differs from the settings that scheduled loads need, so it is left as it is. "
            "Merge the two (docs/dagster.md explains each setting), or replace it with --force."
        )
    if present != wanted:
        write_bytes(target, wanted)
    print(f"export DAGSTER_HOME={_quote(str(target.parent))}")


def _quote(path: str) -> str:
    """A path as a word for the shell; characters that could steer a terminal as escapes of bash and zsh."""
    if visible(path) == path and "\n" not in path:
        return shlex.quote(path)
    escaped = escape_invisible(path.replace("\\", "\\\\").replace("'", "\\'"))
    return f"$'{escaped}'"
