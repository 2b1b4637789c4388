"""The interface through which a load reports how it is going; the command line and Dagster implement it."""

from collections.abc import Callable


class Progress:
    """Receives the progress of a load; this one ignores it. Called from several threads.

    ``source`` is the source's name, empty for what concerns all of them.
    """

    def step(self, source: str, what: str, *, is_counted: bool = False) -> None:
        """A source's next step begins; its previous one succeeded.

        Args:
            source: The source.
            what: The step's result, such as "days rebuilt".
            is_counted: Whether the result has a number, which ``advance`` adds up.
        """

    def advance(self, source: str, amount: int = 1) -> None:
        """A source's counted step advanced."""

    def counter(self, source: str) -> Callable[[int, int], None]:
        """A callback that gets the units done so far and all of them, and advances a source's step."""
        counted = 0

        def advance(done: int, _all: int) -> None:
            nonlocal counted
            self.advance(source, done - counted)
            counted = done

        return advance

    def finish(self, source: str) -> None:
        """A source's last step succeeded."""

    def fail(self, source: str) -> None:
        """A source's current step failed."""

    def notice(self, sentence: str) -> None:
        """Something the user should know at once, such as what is waited for."""
