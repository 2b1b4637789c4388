"""``cbr-warehouse copy``: the data directory to an object store, and a copy back from it."""

import os
import time
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cbr_warehouse.amounts import amount
from cbr_warehouse.cli.invocation import Invocation, invocation_of, utc_now
from cbr_warehouse.cli.terminal_text import say, show
from cbr_warehouse.errors import StorageError, UsageError
from cbr_warehouse.load.locks import hold_everything
from cbr_warehouse.load.progress import Progress
from cbr_warehouse.remote.place import bring_up_reports
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.lock import hold_lock

if TYPE_CHECKING:
    from cbr_warehouse.storage.object_store import ObjectStore

_REPORT_EVERY_SECONDS = 10.0


def copy(
    context: typer.Context,
    *,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="<url>", help="Copy to this place: s3://bucket/prefix.", show_default=False
        ),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="<url>",
            help="Copy from this place, a copy or a data directory, into the data directory, which holds no "
            "data yet.",
            show_default=False,
        ),
    ] = None,
    as_data_dir: Annotated[
        bool,
        typer.Option(
            "--as-data-dir",
            help="With --to: make this place a data directory, on which loads of any host go on.",
        ),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="With --to: read the whole copy again and compare every checksum."),
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="With --to: wait for running loads.")] = False,
    alone: Annotated[
        bool,
        typer.Option(
            "--alone", help="With --to: for a store that ignores If-None-Match; no other copy runs meanwhile."
        ),
    ] = False,
) -> None:
    """Copy the data directory to an object store, or a copy back from it; verified, resumable.

    Only what is not there yet is sent, and the list of files is written last: whoever reads the copy has the
    files of one moment. Loads wait for seconds. An interrupted copy continues when the command is run again.
    With --as-data-dir the place becomes what data_dir = "s3://bucket/prefix" names; --from makes a folder of
    it again. Both end with what verify does.
    Credentials, region and endpoint are in the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
    AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL.
    """
    url = to or origin
    if url is None or (to is not None and origin is not None):
        raise UsageError("Say where to: --to s3://bucket/prefix, or --from s3://bucket/prefix; one of both.")
    if origin is not None and (verify or wait or alone or as_data_dir):
        raise UsageError(
            "--verify, --wait, --alone and --as-data-dir belong to --to; what comes from a store is "
            "always verified."
        )
    if as_data_dir and (verify or alone):
        raise UsageError(
            "--verify and --alone do not go with --as-data-dir: a data directory is always verified, and "
            "needs a store that keeps the conditions of a write."
        )
    if find_spec("obstore") is None:
        raise UsageError(
            "This needs the package obstore. Install it with pip install 'cbr-warehouse[store]'."
        )
    from cbr_warehouse.storage.object_store import open_store  # needs the extra
    from cbr_warehouse.storage.store_url import parse_store_url

    store = open_store(parse_store_url(url), os.environ)
    invocation = invocation_of(context)
    if to is not None:
        _copy_to(invocation, store, as_data_dir=as_data_dir, verify=verify, wait=wait, alone=alone)
    else:
        place = invocation.configured.data_dir
        if isinstance(place, str):
            raise UsageError(
                f"{place}: what is in a store is brought back into a folder. Name one with --data-dir."
            )
        _copy_from(invocation, DataDirectory(place), store)


def _copy_to(
    invocation: Invocation,
    store: "ObjectStore",
    *,
    as_data_dir: bool,
    verify: bool,
    wait: bool,
    alone: bool,
) -> None:
    from cbr_warehouse.cli.copy_data_dir import make_data_dir
    from cbr_warehouse.remote.source_names import require_no_data_directory
    from cbr_warehouse.transfer.upload import upload
    from cbr_warehouse.transfer.verify_objects import verify_contents

    directory, what = invocation.directory, f"copy to {store.url}"
    if not directory.sources_with_raw():
        raise StorageError(f"{directory.root}: there is nothing to copy. Check --data-dir, or load first.")
    bring_up_reports(directory, say)
    if as_data_dir:
        with _hold(directory.copy_lock, what):
            make_data_dir(invocation, store, _Reporter(), wait=wait)
        return
    require_no_data_directory(store)
    everything = hold_everything(invocation.load_context(Progress()), what, wait=wait)
    with _hold(directory.copy_lock, what):
        done = upload(directory, store, everything, utc_now(), _Reporter(), is_alone=alone)
    files = done.snapshot.files
    show(
        f"{store.url}: {amount(len(files), 'files')}, {_megabytes(done.snapshot.bytes)}; {done.sent:,} sent "
        f"({_megabytes(done.sent_bytes)}), {len(files) - done.sent:,} were there, "
        f"{amount(done.removed, 'old objects')} removed"
    )
    if verify:
        verify_contents(store, files, _Reporter())
        show(f"{store.url}: every file has its checksum")


def _copy_from(invocation: Invocation, directory: DataDirectory, store: "ObjectStore") -> None:
    from cbr_warehouse.cli.copy_data_dir import next_step_of_folder, verify_copied
    from cbr_warehouse.remote.source_names import has_data_directory
    from cbr_warehouse.remote.stored_files import find_stored_files
    from cbr_warehouse.transfer.download import download, find_copy

    what, is_data_dir = f"copy from {store.url}", has_data_directory(store)
    find = find_stored_files if is_data_dir else find_copy
    with _hold(directory.copy_lock, what), _hold(directory.lock, what):
        done = download(directory, store, _Reporter(), find)
    show(
        f"{directory.root}: {amount(len(done.snapshot.files), 'files')}, {_megabytes(done.snapshot.bytes)}, "
        f"as they were at {done.snapshot.made_at:%Y-%m-%d %H:%M:%S} UTC; {done.received:,} received "
        f"({_megabytes(done.received_bytes)}), every file has its checksum"
    )
    if is_data_dir:
        verify_copied(invocation, directory, next_step_of_folder(directory.root.resolve()))


def _hold(lock: Path, what: str) -> AbstractContextManager[bool]:
    """Holds a lock of the data directory; fails if another process does."""
    return hold_lock(lock, what=what, now=utc_now(), wait=False)


class _Reporter:
    """Says every ten seconds how far it is."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _REPORT_EVERY_SECONDS

    def __call__(self, what: str, done: int, of: int) -> None:
        """Says it if it is time."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _REPORT_EVERY_SECONDS
            say(f"{done:,} of {amount(of, 'files')} {what}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
