"""The files of a DuckLake in an object store: how an engine reaches them, and what the store refuses.

Endpoint, region and credentials are in the same variables of the environment as those of a data directory in
a store. The engine has the credentials as a secret by name, for the files of the DuckLake alone.
"""

import re
from collections.abc import Iterator, Mapping

import duckdb

from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.storage.store_codes import EXPIRED, SKEWED
from cbr_warehouse.storage.store_url import CREDENTIALS, StoreUrl, endpoint_in, has_keys, require_credentials
from cbr_warehouse.warehouse.lake.extensions import load_extensions, require_extensions

_SECRET = "file_store"  # noqa: S105  the name of a secret in the engine

_SETTINGS = (
    # The extension takes keys from the environment into these, which every query could read.
    "GLOBAL s3_access_key_id = ''",
    "GLOBAL s3_secret_access_key = ''",
    "GLOBAL s3_session_token = ''",
    # Parts of 5 MB instead of 77 MB, of which every file that is being written has one in memory.
    "s3_uploader_max_filesize = '50GB'",
    # A request that fails for a moment is repeated for about six seconds.
    "http_retries = 6",
    "http_retry_wait_ms = 100",
    "http_retry_backoff = 2",
)

_READING_THREADS = 8
"""With a store that takes 40 ms, two threads take 15 s for 300 files, and eight 4 s; more gain nothing."""

_SECRETS_OF_KEYS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

_FROM_A_STORE = re.compile(
    r"\bHTTP (?:GET|HEAD|PUT|POST|DELETE|code|\d{3})\b|\bURL s3://|\bS3 |AWS credential"
)
_PLACE = re.compile(r"(?:s3|https?)://[^\s'\"]+[^\s'\":]")
_STATUS = re.compile(r"\bHTTP (?:code )?(\d{3})\b")
_CODE = re.compile(r"^([A-Z][A-Za-z]{2,60}): ([^\n]{1,300})$", re.MULTILINE)
_CODE_IN_XML = re.compile(r"<Code>([A-Za-z]{2,60})</Code>\s*<Message>([^<\n]{1,300})</Message>")

_CHECK_ENDPOINT = "Check the endpoint (AWS_ENDPOINT_URL)"

_BY_CODE = {
    **dict.fromkeys(EXPIRED, ("the credentials of its files have expired", f"Renew them ({CREDENTIALS})")),
    **dict.fromkeys(SKEWED, ("the clock of this machine is wrong", "Set it, and run the command again")),
    "NoSuchBucket": (
        "there is no such bucket for its files",
        f"{_CHECK_ENDPOINT} and warehouse_files, or create the bucket",
    ),
}
"""What is wrong and what to do, by the code of the store's error."""

_REFUSED = (
    "the store does not give access to its files",
    f"Check the credentials ({CREDENTIALS}) and what they permit: readers read, loads also write and delete",
)
_BY_STATUS = {
    "401": _REFUSED,
    "403": _REFUSED,
    "404": (
        "one of its files is missing in the store",
        f"{_CHECK_ENDPOINT}. If it was removed, configure another database and prefix, and load",
    ),
}
_OTHERWISE = (
    "the store with its files cannot be used",
    f"{_CHECK_ENDPOINT}, region (AWS_REGION) and network",
)


def require_store(url: StoreUrl, environ: Mapping[str, str]) -> None:
    """Fails if an engine could not even ask the store.

    Args:
        url: Where the files are.
        environ: The environment.

    Raises:
        SettingsError: There are no credentials.
        UsageError: An extension of DuckDB is not installed.
    """
    require_credentials(url, environ)
    require_extensions(_extensions(environ))


def reach_store(connection: duckdb.DuckDBPyConnection, url: StoreUrl, environ: Mapping[str, str]) -> None:
    """Lets an engine reach the files; nothing is requested, unless credentials are to be got somewhere.

    Args:
        connection: The engine.
        url: Where the files are.
        environ: The environment: credentials, region and endpoint in the variables of AWS's own tools.

    Raises:
        SettingsError: There are no credentials.
        UsageError: An extension of DuckDB is not installed.
        duckdb.Error: No credentials could be got.
    """
    require_credentials(url, environ)
    load_extensions(connection, _extensions(environ))
    for setting in _SETTINGS:
        connection.execute(f"SET {setting}")
    if certificates := environ.get("SSL_CERT_FILE"):  # which the library of other stores knows by itself
        connection.execute(f"SET ca_cert_file = {literal(certificates)}")
    options = ", ".join(f"{name} {value}" for name, value in _options(url, environ))
    connection.execute(f"CREATE OR REPLACE SECRET {_SECRET} (TYPE s3, {options})")


def read_at_once(connection: duckdb.DuckDBPyConnection) -> None:
    """Lets an engine that only reads ask for several files at a time: threads wait for most of a request."""
    threads = connection.execute("SELECT current_setting('threads')").fetchall()[0][0]
    connection.execute(f"SET threads = {max(threads, _READING_THREADS)}")


def _extensions(environ: Mapping[str, str]) -> tuple[str, ...]:
    # Roles of machines, containers and web identities are understood by AWS's own library.
    return ("httpfs",) if has_keys(environ) else ("httpfs", "aws")


def _options(url: StoreUrl, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "SCOPE", literal(f"{url}/")
    yield "REGION", literal(environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1")
    is_in_host = environ.get("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "").lower() == "true"
    yield "URL_STYLE", literal("vhost" if is_in_host else "path")
    if endpoint := endpoint_in(environ):
        scheme, _, host = endpoint.rpartition("://")
        # The variable has the bucket in the name of the host then, which DuckDB puts there itself.
        yield "ENDPOINT", literal(host.strip("/").removeprefix(f"{url.bucket}." if is_in_host else ""))
        yield "USE_SSL", "false" if scheme == "http" else "true"
    if not has_keys(environ):
        yield "PROVIDER", "credential_chain"
        yield "REFRESH", "auto"  # they last for hours, and a reader may be open for days
        return
    yield "KEY_ID", literal(environ["AWS_ACCESS_KEY_ID"])
    yield "SECRET", literal(environ["AWS_SECRET_ACCESS_KEY"])
    if token := environ.get("AWS_SESSION_TOKEN"):
        yield "SESSION_TOKEN", literal(token)


def secrets_in(environ: Mapping[str, str]) -> Iterator[str]:
    """What is secret of the keys in the environment: no message may have it."""
    yield from filter(None, map(environ.get, _SECRETS_OF_KEYS))


def explain_store(said: str) -> str | None:
    """What is wrong where an engine's error is due to the store, and what to do.

    Args:
        said: What DuckDB said, without secrets.

    Returns:
        A sentence, and the next one; None if it is due to something else.
    """
    if _FROM_A_STORE.search(said) is None:
        return None
    code = _CODE_IN_XML.search(said) or _CODE.search(said)
    place, status = _PLACE.search(said), _STATUS.search(said)
    reason = said.splitlines()[0].partition(" Error: ")[2] if code is None else f"{code[1]}: {code[2]}"
    reason = reason.rstrip(".") + (f"; {place[0]}" if code and place else "")
    what, remedy = _OTHERWISE
    if status is not None:
        what, remedy = _BY_STATUS.get(status[1], _OTHERWISE)
    if code is not None:
        what, remedy = _BY_CODE.get(code[1], (what, remedy))
    return f"{what} ({reason}). {remedy}."
