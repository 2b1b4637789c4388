"""Reading the configuration: finding the file, parsing it, and checking all of it at once.

No secret is followed here, so that commands which ask no source work without any.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cbr_warehouse.errors import SettingsError
from cbr_warehouse.settings.auth_methods import ALLOWED_SIGN_IN, sign_in_faults
from cbr_warehouse.settings.error_messages import faults_of, key_of
from cbr_warehouse.settings.faults import ConfigProblem, refuse
from cbr_warehouse.settings.model import ALLOWED_NAME, Origin, Settings

FILE_NAME = "cbr-warehouse.toml"
ENVIRONMENT = "the environment"
CONFIG_VARIABLE = "CBR_WAREHOUSE_CONFIG"
DATA_DIR_VARIABLE = "CBR_WAREHOUSE_DATA_DIR"

VENDOR_VARIABLES = {
    "access_key": "HUAWEICLOUD_SDK_AK",
    "secret_key": "HUAWEICLOUD_SDK_SK",
    "project_id": "HUAWEICLOUD_SDK_PROJECT_ID",
    "region": "HUAWEICLOUD_SDK_REGION_ID",
}
"""The variables that the vendor's own tools read, and what each becomes here."""

VENDOR_SECURITY_TOKEN = "HUAWEICLOUD_SDK_SECURITY_TOKEN"  # noqa: S105  the name of a variable
"""Read by the vendor's tools too, where the keys are temporary."""


MoreFaults = Callable[[Mapping[str, Any], Origin], list[ConfigProblem]]
"""What else is wrong in a configuration, as parsed; asked only where something is wrong already."""


def read_settings(
    config: Path | None,
    data_dir: Path | None,
    environ: Mapping[str, str],
    more_faults: MoreFaults | None = None,
) -> Settings:
    """Reads the configuration.

    Args:
        config: The file that the command line names.
        data_dir: The data directory that the command line names.
        environ: The environment.
        more_faults: What a command that needs more would find wrong later, so that all is told at once.

    Returns:
        The configuration; without sources where there is neither a file nor the vendor's variables.

    Raises:
        SettingsError: It is wrong; every fault is listed.
    """
    path = _find(config, environ)
    if path is not None:
        settings = _check(_parse(path), Origin(str(path), path.absolute().parent), more_faults)
    else:
        settings = _check(_from_environment(environ), Origin(ENVIRONMENT, Path.cwd()), more_faults)
    named = data_dir or (Path(environ[DATA_DIR_VARIABLE]) if environ.get(DATA_DIR_VARIABLE) else None)
    return settings if named is None else settings.model_copy(update={"data_dir": named.absolute()})


def missing_vendor_variables(environ: Mapping[str, str]) -> list[str]:
    """The vendor's variables that are not set or empty."""
    return [name for name in VENDOR_VARIABLES.values() if not environ.get(name)]


def _find(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = environ.get(CONFIG_VARIABLE)
    path, by = (config, "--config") if config else (Path(named), CONFIG_VARIABLE) if named else (None, "")
    if path is None:
        usual = Path(FILE_NAME)
        return usual if usual.exists() or usual.is_symlink() else None
    try:
        is_there = path.exists()
    except OSError:  # a folder on the way that may not be entered
        is_there = True  # reading it says what is in the way
    if not is_there:
        raise SettingsError(
            f"{path}: there is no such file. {by} names it; correct the path, or leave {by} out."
        )
    return path


def _parse(path: Path) -> dict[str, Any]:
    try:
        # Editors on Windows put a byte order mark first, which TOML does not know.
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
    except ValueError as error:  # TOMLDecodeError is one, and so is a number of too many digits
        said = _position(str(error), text)
    except RecursionError:
        said = ": lists or tables too deep within each other"
    raise SettingsError(
        f"{path}{said}. Texts need quotes, and each key = value a line of its own; see toml.io."
    )


def _position(said: str, text: str) -> str:
    """Where in a file TOML breaks, and how: ``, line 3, column 7: expected '=' after a key``."""
    match = re.fullmatch(
        r"(?P<what>.*) \(at (line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", said
    )
    if match is None:
        return f": {said}"
    line, column = match["line"], match["column"]
    if line is None:
        lines = text.splitlines() or [""]
        line, column = str(len(lines)), str(len(lines[-1]) + 1)
    return f", line {line}, column {column}: not TOML ({match['what']})"


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    if missing_vendor_variables(environ):
        return {}
    region, project_id = (environ[VENDOR_VARIABLES[key]] for key in ("region", "project_id"))
    id_ = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
    if faults := [
        ConfigProblem(
            ENVIRONMENT, VENDOR_VARIABLES[key], "the value is not allowed", "letters, digits, - and _"
        )
        for key, value in (("region", region), ("project_id", project_id))
        if not id_.fullmatch(value)
    ]:
        refuse(faults)
    source = {
        "name": "default",
        "endpoint": f"https://cbr.{region}.myhuaweicloud.com",
        "project_id": project_id,
        "region": region,
        "access_key": f"env:{VENDOR_VARIABLES['access_key']}",
        "secret_key": f"env:{VENDOR_VARIABLES['secret_key']}",
    }
    if environ.get(VENDOR_SECURITY_TOKEN):
        source["security_token"] = f"env:{VENDOR_SECURITY_TOKEN}"
    return {"sources": [source]}


def _check(raw: dict[str, Any], origin: Origin, more_faults: MoreFaults | None) -> Settings:
    faults = _cross_faults(raw, origin.place)
    try:
        settings = Settings.model_validate(raw, context=origin)
    except ValidationError as error:
        faults = faults_of(error.errors(include_url=False), raw, origin.place) + faults
    # Outside the except block: a traceback must not carry pydantic's error, which holds the values.
    if faults:
        refuse([*faults, *(more_faults(raw, origin) if more_faults else ())])
    return settings


def _cross_faults(raw: dict[str, Any], place: str) -> list[ConfigProblem]:
    """Finds what no single key shows: how sources sign in, and names that are used twice."""
    sources = raw.get("sources")
    if not isinstance(sources, list):
        return []
    faults = []
    names: set[str] = set()
    for position, source in enumerate(sources):
        if not isinstance(source, dict):
            continue
        for key, wrong in sign_in_faults(source):
            loc = ("sources", position, key) if key else ("sources", position)
            faults.append(ConfigProblem(place, key_of(loc, raw), wrong, ALLOWED_SIGN_IN))
        name = source.get("name")
        if isinstance(name, str):
            if name in names:
                key = key_of(("sources", position, "name"), raw)
                faults.append(ConfigProblem(place, key, "an earlier source has this name", ALLOWED_NAME))
            names.add(name)
    return faults
