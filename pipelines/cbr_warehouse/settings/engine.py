"""Where tables are made: the engine, and the address of a cluster, which may contain a token."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo

from cbr_warehouse.errors import SettingsError
from cbr_warehouse.settings.field_types import Origin
from cbr_warehouse.settings.secret_references import Reference, parse_text_or_reference, read_reference

ALLOWED_ENGINE = '"duckdb" or "spark"; "spark" with spark_remote'
ALLOWED_SPARK_REMOTE = (
    '"sc://HOST:15002" (Spark Connect), "spark://HOST:7077", "yarn", "k8s://URL" or "local[N]", with '
    'engine = "spark"; "env:NAME" or "file:PATH" where the address contains a token'
)

_ADDRESS = re.compile(
    r"(sc|spark)://[^\s;@]+|k8s://[^\s;@]+|yarn|local(\[(\d{1,4}|\*)(,\s*\d{1,3})?\])?", re.ASCII
)


def parse_spark_remote(value: object, base: Path) -> str | Reference:
    """Parses the address of a cluster.

    Args:
        value: The configured value.
        base: Base directory of a relative file.

    Raises:
        ValueError: It is neither an address without parameters nor a reference.
    """
    parsed = parse_text_or_reference(value, base)
    if isinstance(parsed, str) and not _ADDRESS.fullmatch(parsed):
        if ";" in parsed or "@" in parsed:
            raise ValueError(
                "parameters such as a token are not written here: store the whole address in an environment "
                "variable or a file, and refer to that here"
            )
        raise ValueError("not the address of a Spark cluster")
    return parsed


def _parse(value: object, info: ValidationInfo) -> str | Reference:
    base = info.context.base if isinstance(info.context, Origin) else Path.cwd()
    return parse_spark_remote(value, base)


SparkRemote = Annotated[str | Reference, BeforeValidator(_parse)]


def resolve_remote(remote: str | Reference, environ: Mapping[str, str]) -> str:
    """The address of a cluster, from where a reference points to.

    Raises:
        SettingsError: There is nothing, or it cannot be read.
    """
    if isinstance(remote, str):
        return remote
    try:
        found, problem = read_reference(remote, environ).strip(), f"{remote} is empty"
    except ValueError as error:
        found, problem = "", str(error)
    if not found:
        raise SettingsError(f"spark_remote: {problem}; it has to contain the address of Spark.")
    return found
