"""Addresses of object stores, and which endpoint and credentials the environment has for them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cbr_warehouse.errors import SettingsError, UsageError

CREDENTIALS = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN"
"""The variables of the environment with credentials, for messages."""

_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([^\0\n?#]*))?")
_FORM = "Write it as s3://bucket/prefix; the endpoint is in the environment (AWS_ENDPOINT_URL)"
_OTHER_WAYS = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


@dataclass(frozen=True)
class StoreUrl:
    """A place in an object store.

    Attributes:
        bucket: The bucket.
        prefix: What all keys begin with, without slashes around it; may be empty.
    """

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def below(self, name: str) -> "StoreUrl":
        """The place of this name in it."""
        return StoreUrl(self.bucket, f"{self.prefix}/{name}".strip("/"))

    def has(self, other: "StoreUrl") -> bool:
        """Whether another place is this one or in it."""
        return f"{other}/".startswith(f"{self}/")


def parse_store_url(text: str) -> StoreUrl:
    """Parses ``s3://bucket/prefix``.

    Raises:
        UsageError: It is no such URL.
    """
    found = _URL.fullmatch(text)
    prefix = (found[2] or "").strip("/") if found else ""
    if found is None or any(part in {"", ".", ".."} for part in prefix.split("/") if prefix):
        raise UsageError(f"{text!r} is no address of an object store. {_FORM}.")
    return StoreUrl(found[1], prefix)


def endpoint_in(environ: Mapping[str, str]) -> str:
    """The URL of the stores that the environment names; empty for AWS."""
    return environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""


def has_keys(environ: Mapping[str, str]) -> bool:
    """Whether the environment has the keys themselves, and not only where to get some."""
    return bool(environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY"))


def require_credentials(url: StoreUrl, environ: Mapping[str, str]) -> None:
    """Refuses an environment without credentials, before the library looks for those of a virtual machine.

    Raises:
        SettingsError: There are none.
    """
    is_on_instance = environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "false"
    if has_keys(environ) or is_on_instance or any(environ.get(name) for name in _OTHER_WAYS):
        return
    raise SettingsError(
        f"{url}: there are no credentials. Set {CREDENTIALS} (the last only for temporary ones), and for a "
        "store other than AWS also AWS_ENDPOINT_URL and AWS_REGION; on an EC2 instance with a role, set "
        "AWS_EC2_METADATA_DISABLED=false."
    )
