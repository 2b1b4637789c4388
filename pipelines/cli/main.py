"""Entry point of ``cbr-warehouse``: global options, the verbs, and errors turned into exit statuses."""

import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from pipelines import __version__
from pipelines.cli.demo import demo
from pipelines.cli.doctor import doctor
from pipelines.cli.emulator import emulator
from pipelines.cli.invocation import Invocation
from pipelines.cli.load import load
from pipelines.cli.plan import plan
from pipelines.cli.quarantine import quarantine
from pipelines.cli.rebuild import rebuild
from pipelines.cli.report import report
from pipelines.cli.schema import schema
from pipelines.cli.sql import sql
from pipelines.cli.status import status
from pipelines.errors import CbrWarehouseError

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
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Reads the options that stand before every verb."""
    if version:
        print(f"cbr-warehouse {__version__}")
        raise typer.Exit
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s" if debug else "cbr-warehouse: %(message)s",
        stream=sys.stderr,
    )
    context.obj = Invocation(config=config, data_dir=data_dir, environ=os.environ)


def main() -> None:
    """Runs the command line and exits with its status."""
    try:
        app()
    except CbrWarehouseError as error:
        _explain(str(error))
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        _explain("Interrupted. What was landed stays; the next load goes on from there.")
        sys.stdout.flush()
        os._exit(INTERRUPTED)  # at once: threads may wait for a server, and nothing half written can be left
    except BrokenPipeError:
        # The reader of our output went away, as "| head" does; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  # the last resort: whatever it is, it is told in a sentence
        _explain(
            f"An unexpected error: {type(error).__name__}: {error}. "
            "Run the command again with --debug before it and report what it prints."
        )
        sys.exit(1)


def _explain(sentence: str) -> None:
    if "--debug" in sys.argv:
        traceback.print_exc()
    print(f"cbr-warehouse: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    main()
