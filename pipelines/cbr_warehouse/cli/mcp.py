"""``cbr-warehouse mcp``: answers for assistants over the Model Context Protocol."""

from importlib.util import find_spec

import typer

from cbr_warehouse import __version__
from cbr_warehouse.cli.invocation import invocation_of
from cbr_warehouse.cli.json_values import plain
from cbr_warehouse.errors import UsageError
from cbr_warehouse.warehouse.open_published import require_published


def mcp(context: typer.Context) -> None:
    """Serve read-only answers to assistants on stdin and stdout, by the Model Context Protocol.

    An assistant starts this command itself: give it as the command of an MCP server, with --data-dir or
    --config. Every number comes with definition, population, window, watermark and completeness.
    """
    if find_spec("mcp") is None:
        raise UsageError("This needs the package mcp. Install it with pip install 'cbr-warehouse[mcp]'.")
    invocation = invocation_of(context)
    require_published(invocation.published)
    from cbr_warehouse.mcp_server.server import build_server  # needs the extra

    build_server(invocation.published, __version__, plain, invocation.follow_published()).run()
