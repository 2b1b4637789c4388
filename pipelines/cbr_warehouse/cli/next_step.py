"""What to run next, in a line on stderr after a command that succeeded on a terminal."""

import os
import sys
from collections.abc import Callable, Collection
from typing import Any

import typer

from cbr_warehouse.cli.global_options import GlobalOptions, global_options_of
from cbr_warehouse.cli.terminal_text import logs_json, visible
from cbr_warehouse.errors import CbrWarehouseError

NEXT_STEPS = {
    "init": ("open", "report", 'sql "FROM analytics.protection_coverage"'),
    "load": ("status", "open"),
    "plan": ("load",),
    "status": ("open", "report"),
    "sql": ("views",),
    "views": ("views protection_coverage", 'sql "FROM analytics.protection_coverage"'),
    "schema": ('sql "SUMMARIZE tasks"',),
    "report": ("open", "report --period month --audit"),
    "rebuild": ("verify",),
    "maintain": ("verify",),
    "verify": ("status",),
    "quarantine list": ("quarantine requeue",),
    "quarantine requeue": ("status",),
    "doctor": ("load",),
}
"""By command; of those that are there. The other commands run until stopped, or say it themselves."""

_READERS = ("init", "status", "sql", "views", "schema", "verify")
"""Commands after which nothing but a load helps where nothing was loaded yet."""


def tell_next_step(name: str, command: Any, known: Collection[str]) -> None:
    """Lets a command end with its next step.

    Args:
        name: The command, such as ``quarantine list``.
        command: The built command.
        known: The names of all commands.
    """
    if steps := [step for step in NEXT_STEPS.get(name, ()) if step.split()[0] in known]:
        command.invoke = _followed(name, steps, command.invoke)


def _followed(name: str, steps: list[str], invoke: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def run(context: Any) -> Any:
        try:
            found = invoke(context)
        except typer.Exit as ended:
            if ended.exit_code == 0:
                _show(name, steps, global_options_of(context))
            raise
        _show(name, steps, global_options_of(context))
        return found

    return run


def _show(name: str, steps: list[str], options: GlobalOptions) -> None:
    if not (sys.stdout.isatty() and sys.stderr.isatty()) or logs_json():
        return
    sys.stdout.flush()
    chosen = ["load"] if name in _READERS and not _is_loaded(options) else steps
    print(visible(f"\nNext: {' or '.join(_line(step, options) for step in chosen)}"), file=sys.stderr)


def _is_loaded(options: GlobalOptions) -> bool:
    """Whether there is a warehouse; unknown is no."""
    from cbr_warehouse.cli.invocation import Invocation

    try:
        return Invocation(options.config, options.data_dir, os.environ).has_published
    except CbrWarehouseError:
        return False


def _line(step: str, options: GlobalOptions) -> str:
    """The command line of a step, with the places that the user has named."""
    words = ["cbr-warehouse"]
    for name, value in (("--config", options.config), ("--data-dir", options.data_dir)):
        words += [] if value is None else [name, str(value)]
    return " ".join((*words, step))
