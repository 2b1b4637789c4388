"""Entry point of ``cbr-warehouse``: global options, the verbs, and errors turned into exit statuses."""

import logging
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from cbr_warehouse import __version__
from cbr_warehouse.cli.demo import demo
from cbr_warehouse.cli.doctor import doctor
from cbr_warehouse.cli.emulator import emulator
from cbr_warehouse.cli.invocation import Invocation
from cbr_warehouse.cli.load import load
from cbr_warehouse.cli.plan import plan
from cbr_warehouse.cli.quarantine import quarantine
from cbr_warehouse.cli.rebuild import rebuild
from cbr_warehouse.cli.report import report
from cbr_warehouse.cli.schema import schema
from cbr_warehouse.cli.sql import sql
from cbr_warehouse.cli.status import status
from cbr_warehouse.errors import CbrWarehouseError

INTERRUPTED = 130
"""What shells expect of a command that Ctrl-C ended."""

app = typer.Typer(
    name="cbr-warehouse",
    help="Years of CBR tasks as tables: loaded, proved complete, ready for SQL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for verb in (demo, load, plan, status, schema, report, rebuild, doctor, emulator):
    app.command()(verb)
app.add_typer(quarantine, name="quarantine")
# A query may begin with a comment, whose dashes are no option.
app.command(context_settings={"ignore_unknown_options": True})(sql)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print(f"cbr-warehouse {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="Configuration file instead of cbr-warehouse.toml.", show_default=False),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Data directory instead of the configured one.", show_default=False)
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Log every step, and show tracebacks.")] = False,
    version: Annotated[  # noqa: ARG001  its callback answers, before a verb is missed
        bool,
        typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Reads the options that stand before every verb."""
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s" if debug else "cbr-warehouse: %(message)s",
        stream=sys.stderr,
    )
    context.obj = Invocation(config=config, data_dir=data_dir, environ=os.environ)


def main() -> None:
    """Runs the command line and exits with its status."""
    interruptions = _note_interruptions()
    try:
        app()
    except BaseException as error:
        if interruptions:  # typer and DuckDB each make something else of KeyboardInterrupt
            _leave_interrupted()
        if isinstance(error, SystemExit):
            raise
        sys.exit(_status_of(error))


def _note_interruptions() -> list[int]:
    """Lets Ctrl-C raise KeyboardInterrupt as ever, and gives the list that remembers it."""
    noted: list[int] = []

    def interrupt(sig: int, frame: FrameType | None) -> None:
        noted.append(sig)
        signal.default_int_handler(sig, frame)

    # Anything else stands there because "nohup" or "&" told us to ignore it.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    return noted


def _leave_interrupted() -> NoReturn:
    _explain("Interrupted. Nothing is half written; what a load has landed stays, and the next one goes on.")
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(INTERRUPTED)  # at once: threads may wait for a server


def _status_of(error: BaseException) -> int:
    if isinstance(error, CbrWarehouseError):
        _explain(str(error))
        return error.exit_status
    if isinstance(error, OSError) and error.strerror:
        place = error.filename or "What the command prints"
        _explain(f"{place}: {error.strerror}. Check permissions and space, or let the output go elsewhere.")
        return 1
    _explain(
        f"An unexpected error: {type(error).__name__}: {error}. "
        "Run the command again with --debug before it and report what it prints."
    )
    return 1


def _explain(sentence: str) -> None:
    if "--debug" in sys.argv:
        traceback.print_exc()
    print(f"cbr-warehouse: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    main()
