"""``cbr-warehouse sql``: a read-only query of the published warehouse."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cbr_warehouse.cli.invocation import invocation_of
from cbr_warehouse.cli.query_output import Format, print_answer
from cbr_warehouse.errors import UsageError
from cbr_warehouse.warehouse.query import stream_query


def sql(
    context: typer.Context,
    statement: Annotated[
        str | None,
        typer.Argument(
            metavar="SQL",
            help='For example "SELECT count(*) FROM tasks"; - reads it from standard input. '
            "Without it, a prompt on a terminal.",
            show_default=False,
        ),
    ] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="F", help="Read the statement from a file.", show_default=False),
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.TABLE,
) -> None:
    """Query the published warehouse; read-only, all rows.

    Exactly one statement: SELECT, FROM, WITH, VALUES, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN.
    """
    published = invocation_of(context).published
    if statement is None and file is None and sys.stdin.isatty() and sys.stdout.isatty():
        from cbr_warehouse.cli.sql_prompt import SqlPrompt

        SqlPrompt(published, output, os.environ).run()
        return
    text = _read_statement(statement, file)
    with stream_query(published, text) as answer:
        print_answer(answer, output)


def _read_statement(statement: str | None, file: Path | None) -> str:
    if (statement is None) == (file is None):
        raise UsageError(
            'Give one statement: sql "SELECT …", sql - for standard input, or sql --file F for a file.'
        )
    try:
        if file is not None:
            content = file.read_bytes()
        elif statement == "-":
            content = sys.stdin.buffer.read()
        else:
            content = str(statement).encode(errors="surrogateescape")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"The statement is not UTF-8 text (byte {error.start}). Save it as UTF-8."
        ) from error
    except OSError as error:
        raise UsageError(
            f"{file or 'Standard input'}: cannot be read ({error.strerror}). Check the path."
        ) from error
