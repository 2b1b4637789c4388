"""``cbr-warehouse copy`` where a folder becomes the data directory of a store, or the other way round."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cbr_warehouse.amounts import amount
from cbr_warehouse.cli.invocation import Invocation, utc_now
from cbr_warehouse.cli.terminal_text import say, show
from cbr_warehouse.cli.verify import analytics_of, show_verified
from cbr_warehouse.integrity.verify import verify
from cbr_warehouse.load.locks import hold_everything
from cbr_warehouse.load.progress import Progress
from cbr_warehouse.remote.place import bring_up_for_reading, directory_at, open_pool
from cbr_warehouse.storage.layout import DataDirectory

if TYPE_CHECKING:
    from cbr_warehouse.storage.object_store import ObjectStore
    from cbr_warehouse.transfer.at_once import Report


def make_data_dir(invocation: Invocation, store: "ObjectStore", report: "Report", *, wait: bool) -> None:
    """Makes the data directory that of a store, reads it back and verifies it.

    Args:
        invocation: What the command starts from; the caller holds the ``copy_lock`` of its directory.
        store: The store.
        report: Gets the progress.
        wait: Whether to wait for running loads instead of failing.

    Raises:
        Exit: Something differs.
    """
    from cbr_warehouse.remote.copy_state import copy_id
    from cbr_warehouse.remote.fill import fill
    from cbr_warehouse.remote.hold import by_this_process
    from cbr_warehouse.remote.source_names import new_filling

    directory = invocation.directory
    place = directory.origin or str(directory.root.resolve())
    made = directory_at(str(store.url), invocation.configured.cache_dir, invocation.environ)
    what = f"copy of {place} to {store.url}"
    done = fill(
        directory,
        store,
        open_pool(made),
        hold_everything(invocation.load_context(Progress()), what, wait=wait),
        new_filling(copy_id(directory), by_this_process(f"copy of {place}"), utc_now()),
        report,
    )
    show(
        f"{store.url}: {amount(done.files, 'files')}, {done.bytes / 1e6:,.1f} MB; {done.sent:,} sent "
        f"({done.sent_bytes / 1e6:,.1f} MB), every file has its checksum"
    )
    for path in done.left:
        say(f"{path}: is no part of a data directory, and stays where it is")
    bring_up_for_reading(made, say)
    verify_copied(
        invocation,
        made,
        f'{store.url} is a data directory. Write data_dir = "{store.url}" into the configuration of every '
        f"host that loads or reads it. {place} stays as it is, and is not loaded into any more.",
    )


def verify_copied(invocation: Invocation, directory: DataDirectory, next_step: str) -> None:
    """Verifies a data directory that was copied, as ``cbr-warehouse verify`` does.

    Args:
        invocation: What the command starts from.
        directory: Where it is now.
        next_step: What to do next, where nothing differs.

    Raises:
        Exit: Something differs.
    """
    found = verify(directory, invocation.contract, analytics_of(invocation), utc_now())
    show_verified(found)
    if found.findings:
        say(
            "Every file is as it was before the copy, so it differed there too. What to do is in "
            "docs/operations.md."
        )
        raise typer.Exit(1)
    say(next_step)


def next_step_of_folder(folder: Path) -> str:
    """What to do next with a folder that a data directory in a store was brought back into."""
    return (
        f'{folder} is a data directory. Write data_dir = "{folder}" into the configuration; what is in the '
        "store stays there."
    )
