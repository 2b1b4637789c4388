"""The configuration of one source as text, from the answers to a few questions, and the check of each answer.

Asking is in ``cli``; the keys are those of ``model``.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from cbr_warehouse.settings.auth_methods import AuthMethod
from cbr_warehouse.settings.endpoints import endpoint_of_region
from cbr_warehouse.settings.error_messages import problems_of
from cbr_warehouse.settings.field_types import Origin
from cbr_warehouse.settings.model import Settings, SourceSettings

_HEADER = """\
# Configuration of cbr-warehouse, written by 'cbr-warehouse init'. Edit it as you like.
# Secrets are references, never the secrets: env:NAME (environment variable) or file:PATH.
"""

_WHY_INVENTORY = "# vaults, policies, backups and what is not backed up at all, once a day"

_VALID = {"name": "a", "endpoint": "https://cbr.example.com", "project_id": "a"}
"""Keys that every source has, for the validation of another one."""

_AUTH_KEYS: dict[AuthMethod, dict[str, str]] = {
    AuthMethod.TOKEN: {"token": "env:A"},
    AuthMethod.KEYS: {"access_key": "env:A", "secret_key": "env:A"},
    AuthMethod.PASSWORD: {
        "iam_endpoint": "https://iam.example.com",
        "username": "a",
        "domain": "a",
        "password": "env:A",
    },
}

_REGION = re.compile(r"https://cbr\.([a-z]+-[a-z]+-?\d*)\.", re.ASCII)


@dataclass(frozen=True)
class FirstConfiguration:
    """The answers.

    Attributes:
        data_dir: The data directory, as it is written.
        source: Keys of the source, in the order in which they are written.
    """

    data_dir: str
    source: Mapping[str, str]

    def text(self) -> str:
        """The whole file, as TOML."""
        lines = [f"{key} = {_quoted(value)}" for key, value in self.source.items()]
        lines += [f"inventory = true  {_WHY_INVENTORY}"]
        return "\n".join([f"{_HEADER}data_dir = {_quoted(self.data_dir)}", "", "[[sources]]", *lines, ""])

    def settings(self, path: Path) -> Settings:
        """The settings that the text, as the file at this path, is read as."""
        origin = Origin(str(path), path.absolute().parent)
        return Settings.model_validate(tomllib.loads(self.text()), context=origin)


def problem_of(key: str, value: str, base: Path) -> str | None:
    """What is wrong with the value of a key of a source, without the value itself; None if nothing is.

    Args:
        key: The key, such as ``project_id``.
        value: What the user answered.
        base: Base directory of a relative ``file:PATH``.
    """
    auth = next((keys for keys in _AUTH_KEYS.values() if key in keys), _AUTH_KEYS[AuthMethod.TOKEN])
    raw = {"sources": [{**_VALID, **auth, key: value}]}
    try:
        SourceSettings.model_validate(raw["sources"][0], context=Origin("", base))
    except ValidationError as error:
        errors = error.errors(include_url=False)
    else:
        return None
    # Outside the except block: pydantic's error contains the value and must not appear in a traceback.
    located = [{**one, "loc": ("sources", 0, *one["loc"])} for one in errors]
    problems = problems_of(located, raw, "")  # type: ignore[arg-type]  # a TypedDict, spread
    return "; ".join(f"{one.wrong}. Allowed: {one.allowed}" for one in problems)


def endpoint_and_region(answer: str) -> dict[str, str]:
    """The keys ``endpoint`` and ``region`` of an address, or of a region's id.

    >>> endpoint_and_region("eu-de")
    {'endpoint': 'https://cbr.eu-de.otc.t-systems.com', 'region': 'eu-de'}
    >>> endpoint_and_region("http://127.0.0.1:8080")
    {'endpoint': 'http://127.0.0.1:8080'}

    Args:
        answer: One of the two; the region of an address is read from it where it has the usual form.
    """
    if "/" not in answer and "." not in answer and ":" not in answer:
        return {"endpoint": endpoint_of_region(answer), "region": answer}
    found = _REGION.match(answer)
    return {"endpoint": answer} | ({"region": found[1]} if found else {})


def iam_endpoint_of(endpoint: str) -> str:
    """The endpoint of IAM beside one of CBR, by the usual names of both."""
    return endpoint.replace("://cbr.", "://iam.", 1)


def _quoted(text: str) -> str:
    """A basic string of TOML, which escapes as JSON does."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
