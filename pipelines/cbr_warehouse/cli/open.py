"""``cbr-warehouse open``: the published warehouse as a local page."""

from pathlib import Path
from typing import Annotated

import typer

from cbr_warehouse.cli.invocation import invocation_of
from cbr_warehouse.cli.terminal_text import say


def open(  # noqa: A001  # the name of the command
    context: typer.Context,
    *,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 for any free one.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option("--browser", help="Open the page in the browser too.")] = False,
) -> None:
    """Serve a local, read-only page over the published warehouse until Ctrl-C.

    A calendar of nights and resources, and from a failed night to its attempts, the task, its versions and
    its exact record; streaks, causes, incidents, missed backups and days of the log, each with its
    definition and its SQL. Listens on 127.0.0.1 alone, and prints its URL on stdout.
    """
    from cbr_warehouse.page.server import serve

    invocation = invocation_of(context)
    published = invocation.published
    if isinstance(published, Path) and not published.exists():
        say(
            f"There is no warehouse yet at {published}. Make one with 'cbr-warehouse load' or "
            "'cbr-warehouse demo', then reload the page."
        )
    serve(published, port, lambda url: _report(url, in_browser=browser), invocation.follow_published())


def _report(url: str, *, in_browser: bool) -> None:
    print(url, flush=True)
    if in_browser:
        import webbrowser

        webbrowser.open(url)
