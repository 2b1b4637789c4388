"""Finds and parses the configuration file, and reads from it where the data directory is.

Nothing here imports pydantic, so that a command that only reads what is published starts quickly. The
whole configuration is validated in ``read``.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cbr_warehouse.errors import SettingsError
from cbr_warehouse.settings.lake import LakeConnection, parse_lake
from cbr_warehouse.settings.secret_references import resolve_path
from cbr_warehouse.settings.umask import parse_umask

FILE_NAME = "cbr-warehouse.toml"
CONFIG_VARIABLE = "CBR_WAREHOUSE_CONFIG"
DATA_DIR_VARIABLE = "CBR_WAREHOUSE_DATA_DIR"

DEFAULT_DATA_DIR = "data"
DEFAULT_UMASK = "077"

KEYS = frozenset(
    (
        "data_dir",
        "cache_dir",
        "umask",
        "timezone",
        "day_anchor",
        "schedule",
        "keep",
        "keep_runs",
        "owners",
        "alerts",
        "thresholds",
        "schedules",
        "exceptions",
        "sources",
        "accounts",
        "sources_at_once",
        "publish_unchanged",
        "engine",
        "spark_remote",
        "warehouse",
        "warehouse_files",
    )
)
"""What a configuration may have at its top: the fields of ``Settings``, which is slow to import."""


_ALLOWED_STORE = "Data are in a folder, or in an object store: s3://bucket/prefix"


_STORE = re.compile("s3://[^/]")


@dataclass(frozen=True)
class Location:
    """Where the data are, and who may read what is written.

    Attributes:
        data_dir: The data directory, absolute; of one in an object store its address.
        umask: Permission bits that new files do not get: three octal digits.
        cache_dir: Where working copies of data directories in a store are; None for the usual folder.
        warehouse: The DuckLake that readers read; None for the file in the data directory.
    """

    data_dir: Path | str
    umask: str
    cache_dir: Path | None = None
    warehouse: LakeConnection | None = None


def read_location(
    config: Path | None, data_dir: Path | str | None, environ: Mapping[str, str]
) -> Location | None:
    """Reads the keys that say where the data are, and no other value.

    Args:
        config: File from ``--config``.
        data_dir: Directory from ``--data-dir``.
        environ: The environment variables.

    Returns:
        The location; None where a key is unknown or one of these values is wrong, which
        ``read_settings`` reports with all other problems.

    Raises:
        SettingsError: The file does not exist, cannot be read or is not TOML.
    """
    path = find_file(config, environ)
    raw = {} if path is None else parse_file(path)
    base = Path.cwd() if path is None else path.absolute().parent
    try:
        configured = parse_place(raw.get("data_dir", DEFAULT_DATA_DIR), base)
        cache_dir = parse_folder(raw["cache_dir"], base) if "cache_dir" in raw else None
        umask = parse_umask(raw.get("umask", DEFAULT_UMASK))
        warehouse = parse_lake(raw["warehouse"], base) if "warehouse" in raw else None
    except ValueError:
        return None
    if not raw.keys() <= KEYS:
        return None
    return Location(named_data_dir(data_dir, environ) or configured, umask, cache_dir, warehouse)


def named_data_dir(data_dir: Path | str | None, environ: Mapping[str, str]) -> Path | str | None:
    """The data directory of ``--data-dir`` or the environment, absolute; None if neither names one.

    Raises:
        SettingsError: It is a URL, and none of an object store.
    """
    named = data_dir or environ.get(DATA_DIR_VARIABLE)
    if not named:
        return None
    text = str(named)
    if isinstance(named, str) and _is_store(text):
        return text
    if _is_url(text):
        raise SettingsError(f"--data-dir or {DATA_DIR_VARIABLE}: {text} is no folder. {_ALLOWED_STORE}.")
    return Path(named).absolute()


def parse_place(value: object, base: Path) -> Path | str:
    """Makes a configured path absolute, and leaves the address of an object store as it is.

    Args:
        value: What the user wrote; a Path passes.
        base: Base directory of a relative path.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, str) and _is_store(value):
        return value
    return parse_folder(value, base)


def parse_folder(value: object, base: Path) -> Path:
    """Makes a configured path absolute.

    Args:
        value: What the user wrote; a Path passes.
        base: Base directory of a relative path.

    Raises:
        ValueError: It is not a path.
    """
    if isinstance(value, Path):
        return (base / value).absolute()
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError("not a quoted path")
    if _is_url(value):
        raise ValueError(f"a URL, not a path. {_ALLOWED_STORE}")
    return resolve_path(value, base)


def _is_store(text: str) -> bool:
    """Whether this is the address of an object store; its form is checked where it is opened."""
    return _STORE.match(text) is not None and text.isprintable()


def _is_url(text: str) -> bool:
    """Whether a path was meant as the address of a store, of which a folder would be made."""
    return re.match(r"[a-z][a-z0-9+.-]+:/", text) is not None


def find_file(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The configuration file that applies; None if there is none.

    Args:
        config: File from ``--config``.
        environ: The environment variables.

    Raises:
        SettingsError: A file is named and does not exist.
    """
    named = environ.get(CONFIG_VARIABLE)
    path, by = (config, "--config") if config else (Path(named), CONFIG_VARIABLE) if named else (None, "")
    if path is None:
        usual = Path(FILE_NAME)
        return usual if usual.exists() or usual.is_symlink() else None
    try:
        exists = path.exists()
    except OSError:  # a parent directory is not accessible
        exists = True  # reading it reports the reason
    if not exists:
        raise SettingsError(f"{path}: the file named by {by} does not exist; correct the path, or omit {by}.")
    return path


def parse_file(path: Path) -> dict[str, Any]:
    """The keys and values of a configuration file, not validated.

    Raises:
        SettingsError: It cannot be read, or is not TOML.
    """
    try:
        # Editors on Windows add a byte order mark, which TOML does not allow.
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read ({error.strerror}). Check it and its permissions, or name another file "
            "with --config."
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 text (byte {error.start}). Save it as UTF-8.") from None
    try:
        return tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or an integer with too many digits
        reason = _position(str(error), text)
    except RecursionError:
        reason = ": lists or tables are nested too deeply"
    raise SettingsError(
        f"{path}{reason}. Strings need quotes, and each key = value its own line; see toml.io."
    )


def _position(reason: str, text: str) -> str:
    """Location and reason of a TOML error: ``, line 3, column 7: not TOML (expected '=' after a key)``."""
    match = re.fullmatch(
        r"(?P<what>.*) \(at (line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", reason
    )
    if match is None:
        return f": {reason}"
    line, column = match["line"], match["column"]
    if line is None:
        lines = text.splitlines() or [""]
        line, column = str(len(lines)), str(len(lines[-1]) + 1)
    return f", line {line}, column {column}: not TOML ({match['what']})"
