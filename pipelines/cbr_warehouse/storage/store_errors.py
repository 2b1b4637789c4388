"""What an object store refuses, as a sentence; never with what a request was signed with."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.store_codes import EXPIRED, SKEWED
from cbr_warehouse.storage.store_url import CREDENTIALS, StoreUrl

_ANSWER = re.compile(r"<Code>([^<]{1,80})</Code>(?:.*?<Message>([^<]{1,300})</Message>)?", re.DOTALL)
_STATUS = re.compile(r"non-2xx status code: (\d{3}[^:\n]{0,40})")
_TRANSPORT = re.compile(r"(?:HTTP error|Generic S3 error): ([^\n]{1,200})")

_AGAIN = "Run the command again: what was copied is kept"


@contextmanager
def as_store_error(url: StoreUrl, action: str) -> Iterator[None]:
    """Reports what the store refuses within the block.

    Args:
        url: The store.
        action: What the block does, such as ``write raw/x``.

    Raises:
        StorageError: The store refused something, or did not answer.
    """
    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        # Not chained: the library's text repeats the request, and a store may repeat what it was signed with.
        raise StorageError(_sentence(url, action, error)) from None


def is_absent_object(error: Exception) -> bool:
    """Whether the store says that there is no such object; of a bucket that does not exist it is an error."""
    return isinstance(error, FileNotFoundError) and _code(error) != "NoSuchBucket"


def is_passing(error: Exception) -> bool:
    """Whether a failure may pass by itself: no answer, or one of the server's own troubles."""
    found = _STATUS.search(str(error))
    return found is None or found[1].startswith(("5", "429", "408", "409"))


def _sentence(url: StoreUrl, action: str, error: Exception) -> str:
    code, reason = _code(error), _reason(error)
    if code in EXPIRED:
        return f"{url}: the credentials have expired ({reason}). Renew them ({CREDENTIALS}). {_AGAIN}."
    if code in SKEWED:
        return f"{url}: the clock of this machine is wrong ({reason}). Set it, and run the command again."
    if code == "NoSuchBucket":
        return f"{url}: there is no bucket {url.bucket} ({reason}). Create it, or check URL and endpoint."
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return (
            f"{url}: the store does not allow to {action} ({reason}). Check the credentials ({CREDENTIALS}) "
            "and what they may do in this bucket: list, read, write and delete objects."
        )
    if isinstance(error, FileNotFoundError):
        return (
            f"{url}: cannot {action}: there is no such object. A newer copy may have replaced it. {_AGAIN}."
        )
    return f"{url}: cannot {action} ({reason}). Check the endpoint and the network. {_AGAIN}."


def _code(error: Exception) -> str:
    found = _ANSWER.search(str(error))
    return "" if found is None else found[1]


def _reason(error: Exception) -> str:
    """What the store answered, or why there was no answer, in a few words."""
    text = str(error)
    if found := _ANSWER.search(text):
        return found[1] if found[2] is None else f"{found[1]}: {found[2].rstrip('.')}"
    if found := _STATUS.search(text):
        return found[1].strip()
    found = _TRANSPORT.search(text)
    return text.splitlines()[0][:200] if found is None else found[1]
