"""Entry point of ``cbr-warehouse``: global options, the commands, and errors turned into exit statuses."""

import os
import signal
import sys
import traceback
from contextlib import suppress
from types import FrameType
from typing import Annotated, NoReturn

import typer

from cbr_warehouse import __version__
from cbr_warehouse.cli.commands import CommandGroup
from cbr_warehouse.cli.examples import EXAMPLES, FIRST, epilog
from cbr_warehouse.cli.global_options import Config, DataDir, Debug, Format
from cbr_warehouse.cli.terminal_text import log_to_stderr, prepare_streams, say
from cbr_warehouse.errors import CbrWarehouseError

INTERRUPTED = 130
"""What shells expect of a command that Ctrl-C ended."""

app = typer.Typer(
    name="cbr-warehouse",
    cls=CommandGroup,
    help="Years of CBR tasks as tables: loaded, checked for completeness, ready for SQL.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=epilog(tuple(EXAMPLES[name][0] for name in FIRST)),
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print(f"cbr-warehouse {__version__}")
        raise typer.Exit


@app.callback()
def options(
    config: Config = None,
    data_dir: DataDir = None,
    debug: Debug = False,
    log_format: Format = None,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Reads the options that may precede every command."""


def main() -> None:
    """Runs the command line and exits with its status."""
    interruptions = _note_interruptions()
    prepare_streams()
    log_to_stderr(debug=False)
    try:
        app()
    except BaseException as error:
        if interruptions:  # typer and DuckDB replace KeyboardInterrupt by other exceptions
            _leave_interrupted()
        if isinstance(error, SystemExit):
            raise
        sys.exit(_status_of(error))


def _note_interruptions() -> list[int]:
    """Keeps Ctrl-C raising KeyboardInterrupt, and returns a list that records each."""
    noted: list[int] = []

    def interrupt(sig: int, frame: FrameType | None) -> None:
        noted.append(sig)
        signal.default_int_handler(sig, frame)

    # Any other handler means that "nohup" or "&" had SIGINT ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    return noted


def _leave_interrupted() -> NoReturn:
    _explain(
        "Interrupted. No file is half written; what a load has received is kept, and the next one continues."
    )
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(INTERRUPTED)  # at once: threads may wait for a server


def _status_of(error: BaseException) -> int:
    if isinstance(error, CbrWarehouseError):
        _explain(str(error))
        return error.exit_status
    if isinstance(error, OSError) and error.strerror:
        place = error.filename or "What the command prints"
        _explain(
            f"{place}: {error.strerror}. Check permissions and free space, or redirect the output elsewhere."
        )
        return 1
    _explain(
        f"An unexpected error: {type(error).__name__}: {error}. "
        "Run the command again with --debug and report its output."
    )
    return 1


def _explain(sentence: str) -> None:
    if "--debug" in sys.argv:
        traceback.print_exc()
    say(sentence)


if __name__ == "__main__":
    main()
