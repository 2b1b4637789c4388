"""``cbr-warehouse metrics``: the state as Prometheus metrics."""

from pathlib import Path
from typing import Annotated

import typer

from cbr_warehouse.cli.invocation import invocation_of, utc_now
from cbr_warehouse.storage.atomic_write import write_bytes
from cbr_warehouse.warehouse.metrics import print_metrics

Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="A file for the textfile collector of node_exporter; replaced whole, readable for all."
    ),
]

READABLE_FOR_ALL = 0o644
"""The collector is another user; the metrics name sources and count, no more."""


def metrics(context: typer.Context, *, out: Out = None) -> None:
    """Print the state of each source as Prometheus metrics, or write them to a file."""
    text = print_metrics(invocation_of(context).directory, utc_now())
    if out is None:
        print(text, end="")
        return
    write_bytes(out.expanduser().absolute(), text.encode())
    out.expanduser().chmod(READABLE_FOR_ALL)
