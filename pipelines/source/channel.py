"""The channel: what everything that talks to the servers of one source shares."""

from dataclasses import dataclass

from pipelines.source.persistence import Persistence
from pipelines.source.redaction import Redactor
from pipelines.source.refusals import Refusals
from pipelines.source.surroundings import Surroundings
from pipelines.source.wire import Wire


@dataclass(frozen=True)
class Channel:
    """The way to the servers of one source.

    Attributes:
        wire: Sends requests.
        persistence: Tries again.
        refusals: Tells refusals.
        redactor: Keeps secrets out of what is told.
        surroundings: Time and chance.
    """

    wire: Wire
    persistence: Persistence
    refusals: Refusals
    redactor: Redactor
    surroundings: Surroundings
