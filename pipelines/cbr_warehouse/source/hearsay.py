"""Whom to believe when an answer cannot be read: the network garbles at random, a server the same way twice.

So a broken record is taken for what the source holds once several answers to the same request gave
the very same text of it; until then, and where a body gives no records at all, another try is asked for.
"""

from collections import Counter
from collections.abc import Callable

from cbr_warehouse.errors import PermanentSourceError, TransientSourceError
from cbr_warehouse.source.failures import MalformedResponseError
from cbr_warehouse.source.response_body import Records, UnreadableBodyError

BELIEVED_AFTER = 3
"""Answers that must agree on a broken record: were one of ten garbled alike, two would too often."""

MOST_GARBLED = 8
"""Garbled answers before a request fails: the network garbles some, but not so many."""

MOST_OF_ANOTHER_SHAPE = 4
"""The same for answers that are whole but no tasks, which seldom get better by asking."""


class GarbledResponseVote:
    """What the answers to one request said that could not be read. For one thread."""

    def __init__(self) -> None:
        self._heard: Counter[bytes] = Counter()

    def read(self, body: bytes, read_body: Callable[[bytes], Records]) -> Records:
        """Reads a body.

        Args:
            body: The body of one more answer to the request.
            read_body: Finds its records.

        Returns:
            Its records; broken ones among them were heard before.

        Raises:
            MalformedResponseError: Another try is needed.
        """
        try:
            found = read_body(body)
        except UnreadableBodyError as error:
            what, is_cut_off = str(error), error.is_cut_off
        else:
            broken = {found.texts[position] for position in found.broken}
            self._heard.update(broken)
            if all(self._heard[text] >= BELIEVED_AFTER for text in broken):
                return found
            what, is_cut_off = f"{len(broken)} of its records are no JSON, and others each time", True
        if is_cut_off:
            raise MalformedResponseError(
                f"gave an answer that cannot be read ({what})",
                "Try again later; if it stays so, a proxy or the service garbles its answers.",
                most=MOST_GARBLED,
                final=TransientSourceError,
            )
        raise MalformedResponseError(
            f"gave no list of tasks ({what})",
            "Check the endpoint of the source; a page to sign in to a network or a proxy answers like that.",
            most=MOST_OF_ANOTHER_SHAPE,
            final=PermanentSourceError,
        )
