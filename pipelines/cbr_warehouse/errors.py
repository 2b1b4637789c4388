"""Every error the project raises on purpose, as one tree.

    CbrWarehouseError                exit 1
    ├── UsageError                   exit 2   a command was called wrongly
    │   └── SettingsError            exit 2   the configuration is wrong: every fault at once
    ├── SourceError                           the API did not give what was asked for
    │   ├── TransientSourceError              may pass: retried, then given up
    │   ├── PermanentSourceError              will not pass by itself: 400, 404, unreadable answers
    │   ├── SignInError                       401: the credentials were refused
    │   └── ForbiddenError                    403: signed in, but not allowed
    ├── LoadRunningError                      another load holds the data directory
    ├── StorageError                          a file could not be written or read
    ├── ConservationError                     the tables do not account for every record received
    └── WarehouseError                        there is no warehouse yet, or a query failed

A message says what happened, to what, and what to do; it never holds a secret. Turning an
error into an exit status and a line on stderr is the business of ``cli``, not of this module.
"""


class CbrWarehouseError(Exception):
    """Anything this project reports to its user as a sentence."""

    exit_status = 1


class UsageError(CbrWarehouseError):
    """A command was called in a way that cannot be carried out."""

    exit_status = 2


class SettingsError(UsageError):
    """The configuration is wrong; the message lists every fault found."""


class SourceError(CbrWarehouseError):
    """The API of a source did not give what was asked for.

    Attributes:
        status: HTTP status of the answer that refused it; None where no answer did.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class TransientSourceError(SourceError):
    """The failure may pass: a timeout, a reset, 429 or 5xx, after all retries."""


class PermanentSourceError(SourceError):
    """The failure will not pass by itself: a refused request or an unreadable answer."""


class SignInError(SourceError):
    """The credentials of a source were refused (401)."""


class ForbiddenError(SourceError):
    """The credentials are good but lack the permission (403)."""


class LoadRunningError(CbrWarehouseError):
    """Another load holds the data directory."""


class StorageError(CbrWarehouseError):
    """A file of the data directory could not be written or read."""


class ConservationError(CbrWarehouseError):
    """The tables do not account for every record received; nothing was published."""


class WarehouseError(CbrWarehouseError):
    """There is no warehouse yet, or a query of it failed."""
