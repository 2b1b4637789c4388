"""Results of an examination: checks that pass or fail, findings with their evidence. Values only.

Attribute names are the keys of ``doctor --json``.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """Result of a check."""

    OK = "ok"
    NOTICE = "notice"
    FAILED = "failed"
    NOT_DONE = "not done"


@dataclass(frozen=True)
class Check:
    """Something that must work before a source can be loaded.

    Attributes:
        name: What is checked.
        state: The result.
        said: A sentence or more: the observation and, where it failed, what to do.
    """

    name: str
    state: State
    said: str


@dataclass(frozen=True)
class Evidence:
    """One request and its response.

    Attributes:
        asked: The query parameters.
        came: The response in a few words.
    """

    asked: str
    came: str


@dataclass(frozen=True)
class Finding:
    """One behaviour that the documents of the API leave open.

    Attributes:
        behaviour: Its name.
        verdict: How the source behaves, in a few fixed words; None where the data does not show it.
        said: What that means, or why there is no verdict.
        evidence: The requests it rests on.
    """

    behaviour: str
    verdict: str | None
    said: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """The results of one source.

    Attributes:
        source: Its name.
        checks: What must work.
        findings: How it behaves.
        requests: Requests made, including retries and sign-ins.
        most_questions: Maximum number of requests of an examination, without those.
    """

    source: str
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...] = field(default=())
    requests: int = 0
    most_questions: int = 0

    @property
    def is_well(self) -> bool:
        """Whether no check failed."""
        return all(check.state is not State.FAILED for check in self.checks)
