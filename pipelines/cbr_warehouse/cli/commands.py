"""The commands by name. Each is imported when it runs, so that ``--help`` and ``--version`` are fast."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from cbr_warehouse.cli.examples import EXAMPLES, epilog
from cbr_warehouse.cli.global_options import take_global_options
from cbr_warehouse.cli.next_step import tell_next_step
from cbr_warehouse.cli.plain_values import take_plain_values
from cbr_warehouse.cli.terminal_text import visible
from cbr_warehouse.storage.allocators import choose_allocators

USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""Every error about what was typed; typer does not export it."""


@dataclass(frozen=True)
class Command:
    """A command that is not imported yet.

    Attributes:
        module: Its module in ``cli``; the function, or group of commands, in it has the same name. That of
            the command, with ``_`` for ``-``.
        summary: The line of ``--help``; the first sentence of its docstring.
    """

    module: str
    summary: str


COMMANDS = {
    name: Command(name.replace("-", "_"), summary)
    for name, summary in (
        ("demo", "Load 30 days of a built-in emulator, then an hour more, and show what is there."),
        (
            "init",
            "Write the first configuration: five questions, a check with the cloud, and the first load.",
        ),
        ("load", "Load what is new or may have changed, and bring tables and warehouse up to date."),
        ("plan", "Show what a load would ask the API for now, why, and what it would take."),
        ("status", "Show the state of each source: newest data, open tasks, days, the last load."),
        ("sql", "Query the published warehouse; read-only, all rows."),
        (
            "views",
            "List the views of the analytics by question, or show one with its definition and example rows.",
        ),
        ("metrics", "Print the state of each source as Prometheus metrics, or write them to a file."),
        ("schema", "Show every column: its table, type, path in the API record and description."),
        ("report", "Write the report of a period of backup days: one HTML file, its data beside it."),
        ("rebuild", "Rebuild tables and warehouse from raw alone, without the API."),
        ("open", "Serve a local, read-only page over the published warehouse until Ctrl-C."),
        (
            "maintain",
            "Make few files of many below raw, without losing a record; a load does part of it.",
        ),
        ("copy", "Copy the data directory to an object store, or a copy back from it; verified, resumable."),
        ("verify", "Compare checksums, tables and warehouse with raw; read-only, beside running loads too."),
        ("check", "Check the named controls: pass or fail, who and why; exit status 1 where one fails."),
        ("verify-pack", "Run an evidence pack again from the raw records in it, and compare to the byte."),
        ("quarantine", "Records that failed validation, and another try for them."),
        ("doctor", "Check configuration, sign-in, permission, clock and quota; find out how sources behave."),
        ("mcp", "Serve read-only answers to assistants on stdin and stdout, by the Model Context Protocol."),
        ("dagster-home", "Write a DAGSTER_HOME with the dagster.yaml that scheduled loads need."),
        ("emulator", "Serve the CBR API on 127.0.0.1 until stopped."),
    )
}


class CommandGroup(TyperGroup):
    """Finds the commands in ``COMMANDS``."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]  # names, for "Did you mean"

    def get_params(self, ctx: Any) -> Any:
        """The options, which are few and plain."""
        return take_plain_values(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, imported; None if it is unknown."""
        del ctx
        return build(cmd_name) if cmd_name in COMMANDS else None

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the order of ``--help``."""
        del ctx
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the list of commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Reads the options that precede a command."""
        with _visible_messages():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        with _visible_messages():
            return super().invoke(ctx)


@contextmanager
def _visible_messages() -> Iterator[None]:
    """Shows what was typed as escapes in messages about it, without the prefix that pydantic gives them."""
    try:
        yield
    except USAGE_ERROR as caught:
        error: Any = caught
        error.message = error.message.removeprefix("Value error, ")
        message = visible(error.format_message())
        error.format_message = lambda: message
        raise


class PlainCommand(TyperCommand):
    """A command that does without pydantic for plain values."""

    def get_params(self, ctx: Any) -> Any:
        """The options and arguments, those of ``--help`` included."""
        return take_plain_values(super().get_params(ctx))


def build(name: str) -> Any:
    """Imports a command and gives it the global options."""
    choose_allocators()  # before any library starts a thread
    found = getattr(import_module(f"cbr_warehouse.cli.{COMMANDS[name].module}"), COMMANDS[name].module)
    command = get_command(found if isinstance(found, typer.Typer) else _of_function(name, found))
    parts = {f"{name} {part}": one for part, one in getattr(command, "commands", {}).items()}
    for path, one in {name: command, **parts}.items():
        one.params.extend(_global_parameters())
        one.epilog = epilog(EXAMPLES[path]) if path in EXAMPLES else None
        if one is not command or not parts:
            tell_next_step(path, one, COMMANDS)
    return command


def _of_function(name: str, function: Callable[..., None]) -> typer.Typer:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    # A query may begin with a comment, whose dashes are no option.
    app.command(name, cls=PlainCommand, context_settings={"ignore_unknown_options": name == "sql"})(function)
    return app


def _global_parameters() -> list[Any]:
    parameters = get_command(_of_function("", take_global_options)).params
    for one in parameters:
        one.expose_value = False
    return [one for one in parameters if one.name != "help"]
