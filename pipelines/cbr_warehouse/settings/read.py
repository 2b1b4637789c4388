"""Validates the configuration, reporting all problems at once.

The file is found and parsed in ``locate``. References to secrets are not resolved here, so commands that
access no source need no secrets.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cbr_warehouse.settings.accounts import ALLOWED_ACCOUNT_NAME
from cbr_warehouse.settings.auth_methods import (
    ALLOWED_ACCOUNT_AUTH,
    ALLOWED_AUTH,
    account_auth_problems,
    auth_problems,
)
from cbr_warehouse.settings.endpoints import endpoint_of_region
from cbr_warehouse.settings.engine import ALLOWED_ENGINE, ALLOWED_SPARK_REMOTE
from cbr_warehouse.settings.error_messages import key_of, problems_of
from cbr_warehouse.settings.field_types import ALLOWED_NAME, Origin
from cbr_warehouse.settings.lake import ALLOWED_LAKE
from cbr_warehouse.settings.locate import find_file, named_data_dir, parse_file
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.settings.problems import ConfigProblem, raise_problems

ENVIRONMENT = "the environment"

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

_NAMED_TABLES = (
    ("sources", auth_problems, ALLOWED_AUTH, ALLOWED_NAME),
    ("accounts", account_auth_problems, ALLOWED_ACCOUNT_AUTH, ALLOWED_ACCOUNT_NAME),
)
"""Tables with a name and a way to sign in, with what is checked of them."""


def read_settings(
    config: Path | None,
    data_dir: Path | str | None,
    environ: Mapping[str, str],
    extra_checks: ExtraChecks | None = None,
) -> Settings:
    """Reads the configuration.

    Args:
        config: File from ``--config``.
        data_dir: Directory or address from ``--data-dir``.
        environ: The environment variables.
        extra_checks: Checks that the command would make later, so that all problems are reported at once.

    Returns:
        The configuration; without sources if there is neither a file nor the vendor's variables.

    Raises:
        SettingsError: It is invalid; the message lists every problem.
    """
    path = find_file(config, environ)
    if path is not None:
        settings = _check(parse_file(path), Origin(str(path), path.absolute().parent), extra_checks)
    else:
        settings = _check(_from_environment(environ), Origin(ENVIRONMENT, Path.cwd()), extra_checks)
    named = named_data_dir(data_dir, environ)
    return settings if named is None else settings.model_copy(update={"data_dir": named})


def missing_vendor_variables(environ: Mapping[str, str]) -> list[str]:
    """The vendor's variables that are unset or empty."""
    return [name for name in VENDOR_VARIABLES.values() if not environ.get(name)]


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
    """Checks across keys: the engine and its address, authentication methods and duplicate names."""
    problems = [*_engine_problems(raw, place), *_lake_problems(raw, place)]
    names: set[str] = set()
    for kind, find_problems, allowed_auth, allowed_name in _NAMED_TABLES:
        tables = raw.get(kind)
        for position, table in enumerate(tables if isinstance(tables, list) else ()):
            if not isinstance(table, dict):
                continue
            for key, wrong in find_problems(table):
                loc = (kind, position, key) if key else (kind, position)
                problems.append(ConfigProblem(place, key_of(loc, raw), wrong, allowed_auth))
            name = table.get("name")
            if isinstance(name, str) and name in names:
                key = key_of((kind, position, "name"), raw)
                wrong = (
                    f"an earlier {'source' if kind == 'sources' else 'source or account'} has the same name"
                )
                problems.append(ConfigProblem(place, key, wrong, allowed_name))
            names |= {name} if isinstance(name, str) else set()
    return problems


def _lake_problems(raw: Mapping[str, Any], place: str) -> list[ConfigProblem]:
    if "warehouse_files" in raw and "warehouse" not in raw:
        return [ConfigProblem(place, "warehouse_files", "has no effect without warehouse", ALLOWED_LAKE)]
    return []


def _engine_problems(raw: Mapping[str, Any], place: str) -> list[ConfigProblem]:
    is_spark, has_remote = raw.get("engine") == "spark", "spark_remote" in raw
    if is_spark and not has_remote:
        return [ConfigProblem(place, "spark_remote", "is missing", ALLOWED_SPARK_REMOTE)]
    if has_remote and not is_spark:
        return [
            ConfigProblem(place, "spark_remote", 'has no effect without engine = "spark"', ALLOWED_ENGINE)
        ]
    return []
