"""The types of fields that several models share: references to secrets, paths, ids.

The models are in ``model``, ``accounts``, ``alerts`` and ``schedules``; their base is in ``values``.
"""

from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo

from cbr_warehouse.settings.day_boundaries import parse_anchor, parse_timezone
from cbr_warehouse.settings.durations import ALLOWED_DURATION
from cbr_warehouse.settings.endpoints import parse_endpoint
from cbr_warehouse.settings.lake import LakeConnection, parse_lake
from cbr_warehouse.settings.locate import parse_folder, parse_place
from cbr_warehouse.settings.secret_references import Reference, parse_reference, parse_text_or_reference

REPORTED_ELSEWHERE = "reported_elsewhere"
"""Error type of problems that ``read`` reports itself, with better messages."""

ALLOWED_NAME = 'lower-case letters, digits and "-", at most 63, beginning with a letter or digit, unique'
ALLOWED_ID = 'letters, digits, "-" and "_", at most 64'
ALLOWED_REFERENCE = (
    '"env:NAME" for an environment variable or "file:PATH" for a file that contains it, such as '
    'token = "env:CBR_TOKEN"; never the secret itself'
)
ALLOWED_ADDRESS = 'a mail address in quotes, such as "ops@example.com"'
ALLOWED_TEXT = 'a quoted string, or "env:NAME" or "file:PATH"'


@dataclass(frozen=True)
class Origin:
    """Where a configuration was read.

    Attributes:
        place: Its name in messages.
        base: Base directory of relative paths.
    """

    place: str
    base: Path


def _origin(info: ValidationInfo) -> Origin:
    return info.context if isinstance(info.context, Origin) else Origin("the configuration", Path.cwd())


def _secret(value: object, info: ValidationInfo) -> Reference:
    return parse_reference(value, _origin(info).base)


def _text_or_reference(value: object, info: ValidationInfo) -> str | Reference:
    return parse_text_or_reference(value, _origin(info).base)


def _path(value: object, info: ValidationInfo) -> Path:
    return parse_folder(value, _origin(info).base)


def _place(value: object, info: ValidationInfo) -> Path | str:
    return parse_place(value, _origin(info).base)


def _lake(value: object, info: ValidationInfo) -> LakeConnection:
    return parse_lake(value, _origin(info).base)


def _existing_file(value: object, info: ValidationInfo) -> Path:
    path = _path(value, info)
    try:
        exists = path.is_file()
    except OSError:  # a parent directory is not accessible
        exists = False
    if not exists:
        raise ValueError(f"there is no file {path}, or it cannot be reached")
    return path


Lake = Annotated[LakeConnection, BeforeValidator(_lake)]
Secret = Annotated[Reference, BeforeValidator(_secret)]
TextOrReference = Annotated[str | Reference, BeforeValidator(_text_or_reference)]
Endpoint = Annotated[str, BeforeValidator(parse_endpoint)]
Owner = Annotated[
    str, Field(pattern=r"\A(team:[A-Za-z0-9 _-]{1,64}|[^\s@:<>,;]{1,64}@[A-Za-z0-9.-]{1,253})\z")
]
Folder = Annotated[Path, BeforeValidator(_path)]
Place = Annotated[Path | str, BeforeValidator(_place)]
ExistingFile = Annotated[Path, BeforeValidator(_existing_file)]
Timezone = Annotated[str, BeforeValidator(parse_timezone)]
Anchor = Annotated[time, BeforeValidator(parse_anchor)]
Id = Annotated[str, Field(pattern=r"\A[A-Za-z0-9_-]{1,64}\z")]

MAX_DURATION = timedelta(days=3650)


def span_above_zero(*, days: int = 0, hours: int = 0) -> Any:
    """The field of a duration above zero."""
    return Field(
        timedelta(days=days, hours=hours),
        gt=timedelta(0),
        le=MAX_DURATION,
        description=f"{ALLOWED_DURATION}, above zero",
    )
