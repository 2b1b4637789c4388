"""Endpoints: the part of an address before ``/v3``."""

import re
from urllib.parse import urlsplit

ALLOWED_ENDPOINT = (
    "what stands before /v3 of the address, with http:// or https:// and without user, query or fragment, "
    'such as "https://cbr.eu-de.otc.t-systems.com"'
)

REGION = "{region}"
"""Stands for the name of a region in the endpoint of an account."""

_USUAL_DOMAIN = "myhuaweicloud.com"
_OTHER_DOMAINS = (
    # Huawei's European cloud (EU-Dublin is eu-west-101); not eu-west-0, which is a partner's.
    (re.compile(r"eu-west-1\d\d", re.ASCII), "myhuaweicloud.eu"),
    # Open Telekom Cloud and its Swiss region, by its page "Regions and Endpoints".
    (re.compile(r"eu-de|eu-nl"), "otc.t-systems.com"),
    (re.compile(r"eu-ch2"), "sc.otc.t-systems.com"),
)

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")


def endpoint_of_region(region: str) -> str:
    """The endpoint of CBR in a region that is known by its id alone.

    >>> endpoint_of_region("eu-west-101")
    'https://cbr.eu-west-101.myhuaweicloud.eu'

    Args:
        region: The region's id; one of no known other cloud is taken for one of Huawei's own.
    """
    domains = (domain for pattern, domain in _OTHER_DOMAINS if pattern.fullmatch(region))
    return f"https://cbr.{region}.{next(domains, _USUAL_DOMAIN)}"


def parse_endpoint(value: object) -> str:
    """Checks an endpoint and brings it into one form; a trailing ``/`` or ``/v3`` is taken away.

    The messages never repeat the address: a careless one may hold a password.

    >>> parse_endpoint("https://cbr.example.com/v3/")
    'https://cbr.example.com'

    Args:
        value: What the user wrote.

    Returns:
        Scheme, host, port and perhaps a path, without a trailing slash.

    Raises:
        ValueError: It is no endpoint.
    """
    if not isinstance(value, str):
        raise ValueError("not a text in quotes")  # noqa: TRY004  pydantic reports ValueError, not TypeError
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("not an address (look at its port and brackets)") from None
    if wrong := _what_is_wrong(value, parts.scheme, parts.hostname):
        raise ValueError(wrong)
    if parts.username is not None or parts.password is not None:
        raise ValueError("a user or password stands in the address; sign in with the keys for it instead")
    if "?" in value or "#" in value:
        raise ValueError('the address has a query ("?") or a fragment ("#")')
    path = parts.path.rstrip("/").removesuffix("/v3").rstrip("/")
    if "v3" in path.split("/"):
        raise ValueError("the address goes on after /v3; end it before")
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise ValueError("the path of the address is unusual")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{path}"


def _what_is_wrong(value: str, scheme: str, host: str | None) -> str | None:
    if scheme not in {"http", "https"} or "://" not in value:
        return "the address does not begin with http:// or https://"
    if not host or not _HOST.fullmatch(host):
        return "the address has no host, or one with a character that no host has"
    return None
