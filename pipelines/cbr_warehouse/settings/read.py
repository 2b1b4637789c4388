"""Locates, parses and validates the configuration, reporting all problems at once.

References to secrets are not resolved here, so commands that access no source need no secrets.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cbr_warehouse.errors import SettingsError
from cbr_warehouse.settings.auth_methods import ALLOWED_AUTH, auth_problems
from cbr_warehouse.settings.endpoints import endpoint_of_region
from cbr_warehouse.settings.error_messages import key_of, problems_of
from cbr_warehouse.settings.model import ALLOWED_NAME, Origin, Settings
from cbr_warehouse.settings.problems import ConfigProblem, raise_problems

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
"""Environment variables of the vendor's own tools, by the key of a source."""

VENDOR_SECURITY_TOKEN = "HUAWEICLOUD_SDK_SECURITY_TOKEN"  # noqa: S105  the name of a variable
"""Also read by the vendor's tools, for temporary keys."""


ExtraChecks = Callable[[Mapping[str, Any], Origin], list[ConfigProblem]]
"""Further checks on the parsed configuration, run only if it is invalid already."""


def read_settings(
    config: Path | None,
    data_dir: Path | None,
    environ: Mapping[str, str],
    extra_checks: ExtraChecks | None = None,
) -> Settings:
    """Reads the configuration.

    Args:
        config: File from ``--config``.
        data_dir: Directory from ``--data-dir``.
        environ: The environment variables.
        extra_checks: Checks that the command would make later, so that all problems are reported at once.

    Returns:
        The configuration; without sources if there is neither a file nor the vendor's variables.

    Raises:
        SettingsError: It is invalid; the message lists every problem.
    """
    path = _find(config, environ)
    if path is not None:
        settings = _check(_parse(path), Origin(str(path), path.absolute().parent), extra_checks)
    else:
        settings = _check(_from_environment(environ), Origin(ENVIRONMENT, Path.cwd()), extra_checks)
    named = data_dir or (Path(environ[DATA_DIR_VARIABLE]) if environ.get(DATA_DIR_VARIABLE) else None)
    return settings if named is None else settings.model_copy(update={"data_dir": named.absolute()})


def missing_vendor_variables(environ: Mapping[str, str]) -> list[str]:
    """The vendor's variables that are unset or empty."""
    return [name for name in VENDOR_VARIABLES.values() if not environ.get(name)]


def _find(config: Path | None, environ: Mapping[str, str]) -> Path | None:
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


def _parse(path: Path) -> dict[str, Any]:
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


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    if missing_vendor_variables(environ):
        return {}
    region, project_id = (environ[VENDOR_VARIABLES[key]] for key in ("region", "project_id"))
    id_ = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
    if problems := [
        ConfigProblem(
            ENVIRONMENT, VENDOR_VARIABLES[key], "the value is not allowed", "letters, digits, - and _"
        )
        for key, value in (("region", region), ("project_id", project_id))
        if not id_.fullmatch(value)
    ]:
        raise_problems(problems)
    source = {
        "name": "default",
        "endpoint": endpoint_of_region(region),
        "project_id": project_id,
        "region": region,
        "access_key": f"env:{VENDOR_VARIABLES['access_key']}",
        "secret_key": f"env:{VENDOR_VARIABLES['secret_key']}",
    }
    if environ.get(VENDOR_SECURITY_TOKEN):
        source["security_token"] = f"env:{VENDOR_SECURITY_TOKEN}"
    return {"sources": [source]}


def _check(raw: dict[str, Any], origin: Origin, extra_checks: ExtraChecks | None) -> Settings:
    problems = _cross_problems(raw, origin.place)
    try:
        settings = Settings.model_validate(raw, context=origin)
    except ValidationError as error:
        problems = problems_of(error.errors(include_url=False), raw, origin.place) + problems
    # Outside the except block: pydantic's error contains the values and must not appear in a traceback.
    if problems:
        raise_problems([*problems, *(extra_checks(raw, origin) if extra_checks else ())])
    return settings


def _cross_problems(raw: dict[str, Any], place: str) -> list[ConfigProblem]:
    """Checks across keys: authentication methods and duplicate names."""
    sources = raw.get("sources")
    if not isinstance(sources, list):
        return []
    problems = []
    names: set[str] = set()
    for position, source in enumerate(sources):
        if not isinstance(source, dict):
            continue
        for key, wrong in auth_problems(source):
            loc = ("sources", position, key) if key else ("sources", position)
            problems.append(ConfigProblem(place, key_of(loc, raw), wrong, ALLOWED_AUTH))
        name = source.get("name")
        if isinstance(name, str):
            if name in names:
                key = key_of(("sources", position, "name"), raw)
                problems.append(
                    ConfigProblem(place, key, "an earlier source has the same name", ALLOWED_NAME)
                )
            names.add(name)
    return problems
