"""The channel: what everything that talks to the servers of one source shares."""

from dataclasses import dataclass

from cbr_warehouse.source.http_errors import ErrorTranslator
from cbr_warehouse.source.persistence import Retrier
from cbr_warehouse.source.redaction import Redactor
from cbr_warehouse.source.runtime import Runtime
from cbr_warehouse.source.transport import Transport


@dataclass(frozen=True)
class Connection:
    """The way to the servers of one source.

    Attributes:
        wire: Sends requests.
        persistence: Tries again.
        refusals: Tells refusals.
        redactor: Keeps secrets out of what is told.
        surroundings: Time and chance.
    """

    wire: Transport
    persistence: Retrier
    refusals: ErrorTranslator
    redactor: Redactor
    surroundings: Runtime
