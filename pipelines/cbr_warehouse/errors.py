"""All exceptions that the project raises on purpose.

    CbrWarehouseError                exit 1
    ├── UsageError                   exit 2   a command was called incorrectly
    │   └── SettingsError            exit 2   the configuration is invalid; lists every problem
    ├── SourceError                           a request to the API failed
    │   ├── TransientSourceError              timeout, reset, 429 or 5xx after all retries
    │   ├── PermanentSourceError              400, 404 or an unreadable response: a retry does not help
    │   ├── SignInError                       401: the credentials were rejected
    │   └── ForbiddenError                    403: authenticated, but not permitted
    ├── SchemaError                           a file of schemas/ declares what cannot be
    ├── LoadRunningError                      another load has locked the data directory
    ├── StorageError                          a file could not be written or read
    │   ├── DamagedFileError                  a file is not what was written
    │   ├── FormatError                       a newer version wrote the data directory
    │   └── FreeSpaceError                    the disk has no room for a load
    ├── ConservationError                     the tables do not account for every received record
    ├── ComputeError                          the cluster that computes could not be used
    ├── AlertError                            an alert could not be delivered
    └── WarehouseError                        there is no warehouse yet, or a query failed

A message says what happened, to what, and what to do; it never contains a secret. ``cli`` turns an
exception into an exit status and a line on stderr.
"""

from pathlib import Path


class CbrWarehouseError(Exception):
    """An error whose message is a sentence for the user."""

    exit_status = 1


class UsageError(CbrWarehouseError):
    """A command was called incorrectly."""

    exit_status = 2


class SettingsError(UsageError):
    """The configuration is invalid; the message lists every problem found."""


class SourceError(CbrWarehouseError):
    """A request to the API of a source failed.

    Attributes:
        status: HTTP status of the error response; None if there was no response.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class TransientSourceError(SourceError):
    """A failure that may pass (timeout, reset, 429 or 5xx) persisted through all retries."""


class PermanentSourceError(SourceError):
    """A failure that a retry does not fix: a rejected request or an unreadable response."""


class SignInError(SourceError):
    """The credentials of a source were rejected (401)."""


class ForbiddenError(SourceError):
    """The credentials are valid but lack the permission (403)."""


class SchemaError(CbrWarehouseError):
    """A file of ``schemas/`` has an unknown key or a value that it cannot have."""


class AlertError(CbrWarehouseError):
    """An alert could not be delivered; it is tried again."""


class LoadRunningError(CbrWarehouseError):
    """Another load has locked the data directory."""


class StorageError(CbrWarehouseError):
    """A file of the data directory could not be written or read."""


class DamagedFileError(StorageError):
    """A file of the data directory is not what was written.

    Attributes:
        path: The file.
        what: What is wrong with it.
    """

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"{path}: is damaged: {what}. Restore it from a backup. Without one, remove it: the next load "
            "finds out again what it said, as far as the source still has it."
        )
        self.path = path
        self.what = what


class FormatError(StorageError):
    """A newer version wrote the data directory."""


class FreeSpaceError(StorageError):
    """The disk has no room for what a load is going to write."""


class ConservationError(CbrWarehouseError):
    """The tables do not account for every received record; nothing was published."""


class ComputeError(CbrWarehouseError):
    """The cluster that shares of work are computed on could not be used; nothing is lost."""


class WarehouseError(CbrWarehouseError):
    """There is no warehouse yet, or a query failed."""


class EvidenceError(CbrWarehouseError):
    """An evidence pack is not what was written, or asks for what a pack may not do."""
