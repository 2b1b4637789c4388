"""Failures on the way to an answer, inside this room: what may pass, told so that a caller can be told it."""

from cbr_warehouse.errors import SourceError, TransientSourceError


class RetryableError(Exception):
    """One try failed, and another may not. Never leaves this room.

    Attributes:
        what: What happened, after "it", clean of secrets: ``answered 503 …``.
        remedy: What to do should it stay so: one or more sentences.
        retry_after: Seconds the server asks to wait, if it does.
        is_too_many: Whether the server is asked too much.
        final: What to raise should it stay so.
    """

    def __init__(
        self,
        what: str,
        remedy: str,
        *,
        retry_after: float | None = None,
        is_too_many: bool = False,
        final: type[SourceError] = TransientSourceError,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.retry_after = retry_after
        self.is_too_many = is_too_many
        self.final = final


class ConnectionFailedError(RetryableError):
    """There was no connection at all."""


class MalformedResponseError(RetryableError):
    """There was an answer that gave no records, or records that are no JSON.

    Attributes:
        most: After how many of them in one request there is no sense in another try.
    """

    def __init__(self, what: str, remedy: str, *, most: int, final: type[SourceError]) -> None:
        super().__init__(what, remedy, final=final)
        self.most = most
