"""``cbr-warehouse emulator``: the emulator as a server of its own."""

from pathlib import Path
from typing import Annotated

import typer

from cbr_emulator.docs_page import keys
from cbr_emulator.errors import EmulatorOptionError
from cbr_emulator.server.run import Options, serve
from cbr_warehouse.errors import UsageError


def emulator(
    *,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 for any.", min=0, max=65535)] = 8080,
    tasks: Annotated[int, typer.Option(help="About how many tasks the estate has run.", min=1)] = 50_000,
    days: Annotated[int, typer.Option(help="In how many days before now.", min=1, max=3650)] = 30,
    seed: Annotated[int, typer.Option(help="Another seed is another estate.")] = 1,
    records: Annotated[
        Path | None,
        typer.Option(help="Serve this JSON file's records, no estate.", show_default=False),
    ] = None,
    dialect: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A behaviour of the API; repeatable.", show_default=False),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A fault of the server; repeatable.", show_default=False),
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(help="The estate's present, if not the machine's.", show_default=False),
    ] = None,
    projects: Annotated[
        int,
        typer.Option(
            help="How many projects the account has, each with an estate of its own.", min=1, max=1000
        ),
    ] = 1,
    signals: Annotated[
        bool,
        typer.Option(
            "--signals", help="Add vaults in which what alarms look for happens; --days 60 or more."
        ),
    ] = False,
    freeze: Annotated[bool, typer.Option("--freeze", help="Let no time pass but what is asked for.")] = False,
) -> None:
    """Serve the CBR API on 127.0.0.1 until stopped."""
    options = Options(
        port, tasks, days, seed, records, dialect or (), fault or (), now, freeze, projects, signals
    )
    try:
        serve(options)
    except EmulatorOptionError as error:
        raise UsageError(str(error)) from error


# Verbatim paragraphs, so that a key with its values stays on a line of its own.
emulator.__doc__ = f"{emulator.__doc__}\n\n" + "\n\n".join(
    "\n".join(["\b", title, *(f"  {line}" for line in lines)]) for title, lines in keys().items()
)
