"""Fixtures: a plain HTTP client, independent of the warehouse's own.

Most servers run in the test's own process, which starts them fast; ``test_process`` and the tests that
share one for a whole module run the real command.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from support.command_line import PROJECT
from support.emulator_server import emulated, options_of


class Asker:
    """Client of one emulator.

    Args:
        http: Sends the requests.
    """

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.tasks = f"/v3/{PROJECT}/operation-logs"

    def listed(self, **parameters: Any) -> Any:
        """The body of a list."""
        return self.answered(**parameters).json()

    def answered(self, **parameters: Any) -> httpx.Response:
        """The body of a list response."""
        answer = self.http.get(self.tasks, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer

    def shown(self, task_id: str) -> httpx.Response:
        """The answer to a question for one task."""
        return self.http.get(f"{self.tasks}/{task_id}")

    def ids(self, **parameters: Any) -> list[str]:
        """Ids of a list, in its order."""
        return [one["id"] for one in self.listed(**parameters)["operation_logs"]]

    def truth(self) -> Any:
        """What the emulator says that it serves."""
        return self.http.get("/__emulator/truth").raise_for_status().json()

    def advance(self, span: str) -> None:
        """Moves its clock."""
        self.http.post("/__emulator/clock", json={"advance": span}).raise_for_status()


@pytest.fixture
def emulate() -> Iterator[Callable[..., str]]:
    """Starts emulators for the duration of the test, with command-line options."""
    with ExitStack() as stack:
        yield lambda *words: stack.enter_context(emulated(**options_of(words))).url


@pytest.fixture(scope="module")
def asker_of() -> Iterator[Callable[[str], Asker]]:
    """Makes askers, signed in with the published token."""
    with ExitStack() as stack:

        def make(url: str) -> Asker:
            http = httpx.Client(
                base_url=url, headers={"X-Auth-Token": "demo-token"}, trust_env=False, timeout=10
            )
            return Asker(stack.enter_context(http))

        yield make
