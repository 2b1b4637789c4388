"""What must work before a source can be loaded: reaching it, signing in, permission, the clock, its quota."""

from datetime import datetime

from cbr_warehouse.doctor.finding import Check, State
from cbr_warehouse.doctor.probe import Probe, Reply
from cbr_warehouse.errors import ForbiddenError, SignInError, SourceError

REACH = "reach"
SIGN_IN = "sign-in"
LIST = "permission cbr:tasks:list"
GET = "permission cbr:tasks:get"
CLOCK = "clock"
QUOTA = "quota"
CONTACT = (REACH, SIGN_IN, LIST)

NOTABLE_SKEW_SECONDS = 30
MOST_SKEW_SECONDS = 300
"""Signatures are good for some 15 minutes; windows at the live edge are padded by an hour."""


def check_contact(error: SourceError | None) -> list[Check]:
    """Judges the first request: how far it got.

    Args:
        error: What it failed with; None where it was answered with a list.
    """
    if error is None:
        return [
            Check(REACH, State.OK, "The endpoint answers."),
            Check(SIGN_IN, State.OK, "The credentials are accepted."),
            Check(LIST, State.OK, "Tasks can be listed."),
        ]
    failed = (
        SIGN_IN if isinstance(error, SignInError) else LIST if isinstance(error, ForbiddenError) else REACH
    )
    if error.status == 400:
        failed = LIST
    place = CONTACT.index(failed)
    return [
        *(Check(name, State.OK, "It got that far.") for name in CONTACT[:place]),
        Check(failed, State.FAILED, str(error)),
        *(not_done(name, failed) for name in CONTACT[place + 1 :]),
    ]


def check_showing(questions: Probe, reply: Reply) -> Check:
    """Checks that a task can be asked for by its id, as open ones are until they end."""
    if not reply.rows:
        return Check(GET, State.NOT_DONE, "No task is served that could be asked for.")
    task_id = reply.rows[0].id
    try:
        page = questions.show(task_id)
    except SourceError as error:
        return Check(GET, State.FAILED, str(error))
    if page.records:
        return Check(GET, State.OK, "A task can be asked for by its id.")
    return Check(
        GET,
        State.NOTICE,
        f"Task {task_id} was listed, but is unknown when asked for by its id (404). Open tasks are then "
        "followed by lists alone; load often enough to see their end.",
    )


def check_clock(served_at: datetime | None, now: datetime) -> Check:
    """Compares this machine's clock with the server's.

    Args:
        served_at: The server's Date header.
        now: The present by this machine, when the answer had arrived.
    """
    if served_at is None:
        return Check(CLOCK, State.NOT_DONE, "The server's answers have no Date to compare with.")
    ahead = (now - served_at).total_seconds()
    told = f"{abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's"
    if abs(ahead) <= NOTABLE_SKEW_SECONDS:
        return Check(
            CLOCK, State.OK, f"This machine's clock agrees with the server's within {NOTABLE_SKEW_SECONDS} s."
        )
    if abs(ahead) <= MOST_SKEW_SECONDS:
        return Check(CLOCK, State.NOTICE, f"This machine's clock is {told}. Have it set by NTP.")
    return Check(
        CLOCK,
        State.FAILED,
        f"This machine's clock is {told}. Correct it, best by NTP: signatures are good for minutes only, "
        "and what a load looks at is reckoned from the present.",
    )


def check_quota(requests: int, seconds: float, too_many: int) -> Check:
    """Says whether the source found the examination's requests too many."""
    pace = f"{requests:,} requests in {seconds:,.1f} s"
    if not too_many:
        return Check(QUOTA, State.OK, f"{pace}, none refused as one too many (429).")
    return Check(
        QUOTA,
        State.NOTICE,
        f"{pace}, of which {too_many} were refused as too many (429). Loads adapt to that; to spare what "
        "else uses the quota, set max_requests_per_second of the source.",
    )


def not_done(name: str, failed: str) -> Check:
    """A check that another one's failure made impossible."""
    return Check(name, State.NOT_DONE, f"Not tried, because of {failed}.")
