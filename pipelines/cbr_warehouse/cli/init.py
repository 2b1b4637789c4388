"""``cbr-warehouse init``: the first configuration, from five questions to the first load."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from cbr_warehouse.cli.doctor import TIMEOUTS, show_diagnosis
from cbr_warehouse.cli.invocation import Invocation, invocation_of, utc_now
from cbr_warehouse.cli.load import run_and_show
from cbr_warehouse.cli.source_questions import Answers
from cbr_warehouse.cli.terminal_text import say, show
from cbr_warehouse.doctor.examine import Clocks, examine
from cbr_warehouse.errors import SettingsError, UsageError
from cbr_warehouse.load.context import LoadRequest
from cbr_warehouse.settings.first_configuration import FirstConfiguration
from cbr_warehouse.settings.locate import CONFIG_VARIABLE, DEFAULT_DATA_DIR, FILE_NAME
from cbr_warehouse.settings.select_sources import require_sources
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.storage.atomic_write import write_bytes
from cbr_warehouse.storage.layout import DataDirectory


def init(
    context: typer.Context,
    *,
    name: Annotated[str | None, typer.Option(help="Name of the source.", show_default=False)] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="Region such as eu-de, or address before /v3.", show_default=False)
    ] = None,
    project: Annotated[str | None, typer.Option(help="Id of the project.", show_default=False)] = None,
    sign_in: Annotated[
        str | None, typer.Option(help="How to sign in: keys, token or password.", show_default=False)
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option(
            help="Where the secret key, token or password is: env:NAME or file:PATH.", show_default=False
        ),
    ] = None,
    access_key: Annotated[
        str | None, typer.Option(help="(keys) Where the access key is.", show_default=False)
    ] = None,
    iam_endpoint: Annotated[
        str | None, typer.Option(help="(password) Address of IAM; default: beside CBR's.", show_default=False)
    ] = None,
    username: Annotated[str | None, typer.Option(help="(password) IAM user.", show_default=False)] = None,
    domain: Annotated[
        str | None, typer.Option(help="(password) The user's domain.", show_default=False)
    ] = None,
    is_checked: Annotated[
        bool, typer.Option("--doctor/--no-doctor", help="Whether to check the answers with the cloud.")
    ] = True,
    is_loaded: Annotated[
        bool | None, typer.Option("--load/--no-load", help="Whether to load now.", show_default=False)
    ] = None,
    is_replaced: Annotated[
        bool, typer.Option("--replace", help="Replace a configuration that exists.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; write if all is well.")] = False,
) -> None:
    """Write the first configuration: five questions, a check with the cloud, and the first load.

    Secrets are never asked for: only where they are, an environment variable or a file. Each question is an
    option too, for scripts.
    """
    invocation = invocation_of(context)
    path = _target(invocation)
    is_asking = sys.stdin.isatty() and not yes
    _allow_writing(path, is_asking=is_asking, is_replaced=is_replaced)
    given = {
        "name": name,
        "endpoint": endpoint,
        "project": project,
        "sign-in": sign_in,
        "secret": secret,
        "access-key": access_key,
        "iam-endpoint": iam_endpoint,
        "username": username,
        "domain": domain,
    }
    source = Answers(given, path.absolute().parent, is_asking).source()
    configuration = FirstConfiguration(_data_dir(invocation, path, source["name"]), source)
    is_well = not is_checked or _is_well(configuration, path, invocation, is_asking=is_asking)
    if not is_well:
        _keep_unwell(is_asking=is_asking)
    write_bytes(path, configuration.text().encode())
    show(f"{path}:\n\n{configuration.text()}")
    if is_well and _wants_load(is_asking=is_asking, is_loaded=is_loaded):
        raise typer.Exit(_load(Invocation(path, invocation.data_dir, invocation.environ)))


def _target(invocation: Invocation) -> Path:
    """The file to write: that which other commands would read."""
    named = invocation.environ.get(CONFIG_VARIABLE)
    return invocation.config or (Path(named) if named else Path(FILE_NAME))


def _allow_writing(path: Path, *, is_asking: bool, is_replaced: bool) -> None:
    """Fails unless the file may be written."""
    if not path.parent.is_dir():
        raise UsageError(f"{path}: its folder does not exist. Create it, or name another file with --config.")
    if is_replaced or not (path.exists() or path.is_symlink()):
        return
    if is_asking and typer.confirm(f"{path} exists. Replace it?", default=False, err=True):
        return
    raise UsageError(
        f"{path} exists and was not changed. Edit it, name another file with --config, or give --replace."
    )


def _data_dir(invocation: Invocation, path: Path, name: str) -> str:
    """The data directory as it is written; not one that a demo has filled."""
    if invocation.data_dir is not None:
        is_beside = path.absolute().parent == Path.cwd()
        place = invocation.data_dir
        return str(place if is_beside or isinstance(place, str) else place.absolute())
    usual = DataDirectory(path.absolute().parent / DEFAULT_DATA_DIR)
    if usual.sources_with_raw() in ((), (name,)):
        return DEFAULT_DATA_DIR
    other = f"{DEFAULT_DATA_DIR}-{name}"
    say(f"{usual.root} has {', '.join(usual.sources_with_raw())}: {name} gets the data directory {other}.")
    return other


def _is_well(
    configuration: FirstConfiguration, path: Path, invocation: Invocation, *, is_asking: bool
) -> bool:
    """Examines the source as ``doctor`` does.

    Raises:
        SettingsError: A secret is missing, and nobody can be asked what to do.
    """
    try:
        (ready,) = require_sources(configuration.settings(path), None, invocation.environ)
    except SettingsError as error:
        if not is_asking:
            raise
        say(str(error))
        return False
    say("Checking these answers with the cloud; this takes a few seconds.")
    with CbrClient(ready.settings, ready.credentials, timeouts=TIMEOUTS) as client:
        diagnosis = examine(ready.settings, client, Clocks(utc_now, time.monotonic))
    show_diagnosis(diagnosis, with_findings=False)
    return diagnosis.is_well


def _keep_unwell(*, is_asking: bool) -> None:
    """Ends the command after a failed check, unless the user wants the file nevertheless."""
    if is_asking and typer.confirm("A check failed. Write the file nevertheless?", default=False, err=True):
        return
    say("A check failed, and nothing was written. Correct what it says, or give --no-doctor to write it.")
    raise typer.Exit(1)


def _wants_load(*, is_asking: bool, is_loaded: bool | None) -> bool:
    if is_loaded is None and is_asking:
        return typer.confirm("Load the last 30 days now?", default=True, err=True)
    return bool(is_loaded)


def _load(invocation: Invocation) -> int:
    return run_and_show(invocation, invocation.require_sources(None), LoadRequest()).exit_status(strict=False)
