"""What an examination says: checks that pass or fail, findings with their evidence. Values only."""

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """What came of a check."""

    OK = "ok"
    NOTICE = "notice"
    FAILED = "failed"
    NOT_DONE = "not done"


@dataclass(frozen=True)
class Check:
    """Something that must work before a source can be loaded.

    Attributes:
        name: What is checked.
        state: What came of it.
        said: A sentence or more: what was found and, where it failed, what to do.
    """

    name: str
    state: State
    said: str


@dataclass(frozen=True)
class Evidence:
    """One request and what came back.

    Attributes:
        asked: The query parameters.
        came: The answer in a few words.
    """

    asked: str
    came: str


@dataclass(frozen=True)
class Finding:
    """One behaviour that the documents of the API leave open.

    Attributes:
        behaviour: Its name.
        verdict: How the source behaves, in a few fixed words; None where that cannot be told.
        said: What that means, or why it cannot be told.
        evidence: What it rests on.
    """

    behaviour: str
    verdict: str | None
    said: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """All that was found of one source.

    Attributes:
        source: Its name.
        checks: What must work.
        findings: How it behaves.
        requests: Requests made, tries and sign-ins included.
        most_questions: How many questions an examination may ask at the most.
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
