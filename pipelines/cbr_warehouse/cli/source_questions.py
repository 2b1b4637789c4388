"""The five questions of ``init``: each answered by an option, or asked on the terminal until it is valid."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from cbr_warehouse.cli.terminal_text import visible
from cbr_warehouse.errors import UsageError
from cbr_warehouse.settings.auth_methods import AuthMethod
from cbr_warehouse.settings.first_configuration import endpoint_and_region, iam_endpoint_of, problem_of


@dataclass(frozen=True)
class Question:
    """One question about the source.

    Attributes:
        option: The option that answers it, without dashes.
        key: The key of the source that the answer is for.
        text: What is asked.
        default: The answer of an empty line; "" where there is none.
    """

    option: str
    key: str
    text: str
    default: str = ""


NAME = Question("name", "name", "1/5  A name for this source (lower-case letters, digits, -)", "prod")
ENDPOINT = Question("endpoint", "endpoint", "2/5  Region (such as eu-de), or the address before /v3")
PROJECT = Question("project", "project_id", "3/5  Id of the project (console: My Credentials > Projects)")
SIGN_IN = Question("sign-in", "", "4/5  Sign in with keys, a token or a password", AuthMethod.KEYS)

_OF_SIGN_IN = ("secret", "access-key", "iam-endpoint", "username", "domain")
"""Options that belong to some way to sign in."""

_WHERE = "env:NAME or file:PATH, not the secret itself"


def secret_questions(method: AuthMethod, endpoint: str) -> tuple[Question, ...]:
    """The fifth question: where the secrets of a sign-in are, and what belongs to them.

    Args:
        method: How to sign in.
        endpoint: That of CBR, to guess IAM's from.
    """
    match method:
        case AuthMethod.TOKEN:
            return (Question("secret", "token", f"5/5  Where is the token? {_WHERE}", "env:CBR_TOKEN"),)
        case AuthMethod.KEYS:
            return (
                Question(
                    "access-key",
                    "access_key",
                    f"5/5  Where is the access key? {_WHERE}",
                    "env:CBR_ACCESS_KEY",
                ),
                Question(
                    "secret", "secret_key", f"     Where is the secret key? {_WHERE}", "env:CBR_SECRET_KEY"
                ),
            )
        case AuthMethod.PASSWORD:
            return (
                Question("iam-endpoint", "iam_endpoint", "5/5  Address of IAM", iam_endpoint_of(endpoint)),
                Question("username", "username", "     Name of the IAM user"),
                Question("domain", "domain", "     Domain (account) of the user"),
                Question("secret", "password", f"     Where is the password? {_WHERE}", "env:CBR_PASSWORD"),
            )


@dataclass(frozen=True)
class Answers:
    """Answers the questions from options, and from the terminal where there is one.

    Attributes:
        given: The options by name; None where one was not given.
        base: Base directory of a relative ``file:PATH``.
        is_asking: Whether somebody can be asked.
    """

    given: Mapping[str, str | None]
    base: Path
    is_asking: bool

    def source(self) -> dict[str, str]:
        """The keys of the source.

        Raises:
            UsageError: An option's value is not allowed, or options lack and nobody can be asked; the
                message names all of them.
        """
        self._require_options()
        name = self._answer(NAME)
        place = endpoint_and_region(self._answer(ENDPOINT))
        found = {
            "name": name,
            "endpoint": place.pop("endpoint"),
            "project_id": self._answer(PROJECT),
            **place,
        }
        method = AuthMethod(self._answer(SIGN_IN))
        questions = secret_questions(method, found["endpoint"])
        self._refuse_others(method, {question.option for question in questions})
        for question in questions:
            found[question.key] = self._answer(question)
        return found

    def _refuse_others(self, method: AuthMethod, wanted: set[str]) -> None:
        """Fails for options of another way to sign in, which would be ignored."""
        others = [f"--{name}" for name in _OF_SIGN_IN if self.given[name] is not None and name not in wanted]
        if others:
            raise UsageError(f"{', '.join(others)}: not used with --sign-in {method}. Leave it out.")

    def _require_options(self) -> None:
        if self.is_asking:
            return
        lacking = [one for one in (NAME, ENDPOINT, PROJECT, SIGN_IN) if self.given[one.option] is None]
        method = self.given["sign-in"]
        if method in set(AuthMethod):
            needed = secret_questions(AuthMethod(method), "")
            lacking += [one for one in needed if self.given[one.option] is None and one.key != "iam_endpoint"]
        if lacking:
            options = ", ".join(f"--{one.option}" for one in lacking)
            raise UsageError(
                f"Nobody can be asked here (no terminal, or --yes): give {options} too. "
                "'cbr-warehouse init --help' has examples."
            )

    def _answer(self, question: Question) -> str:
        answer = self.given[question.option]
        if answer is not None:
            if problem := self._problem(question, answer):
                raise UsageError(f"--{question.option}: {problem}.")
            return answer
        if not self.is_asking:
            return question.default
        while True:
            answer = str(typer.prompt(question.text, default=question.default or None, err=True)).strip()
            problem = self._problem(question, answer)
            if problem is None:
                return answer
            typer.echo(f"     {visible(problem)}.", err=True)

    def _problem(self, question: Question, answer: str) -> str | None:
        if question is SIGN_IN:
            allowed = ", ".join(AuthMethod)
            return None if answer in set(AuthMethod) else f"the value is not allowed. Allowed: {allowed}"
        if question is not ENDPOINT:
            return problem_of(question.key, answer, self.base)
        problems = (problem_of(key, value, self.base) for key, value in endpoint_and_region(answer).items())
        return next(filter(None, problems), None)
