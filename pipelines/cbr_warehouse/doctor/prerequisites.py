"""What must work before a source can be loaded: reaching it, sign-in, permission, the clock, its quota."""

import re
from datetime import datetime

from cbr_warehouse.amounts import amount
from cbr_warehouse.doctor.finding import Check, State
from cbr_warehouse.doctor.probe import Probe, Reply
from cbr_warehouse.errors import ForbiddenError, SignInError, SourceError

CONFIGURATION = "configuration"
REACH = "reach"
SIGN_IN = "sign-in"
LIST = "permission cbr:tasks:list"
GET = "permission cbr:tasks:get"
CLOCK = "clock"
QUOTA = "quota"
CONTACT = (REACH, SIGN_IN, LIST)

NOTABLE_SKEW_SECONDS = 30
MAX_SKEW_SECONDS = 300
"""Signatures are valid for some 15 minutes; windows at the live edge are padded by an hour."""

_PROJECT_ID = re.compile(r"[0-9a-f]{32}", re.ASCII | re.IGNORECASE)


def check_configuration(project_id: str) -> Check:
    """Checks what the configuration alone shows: it was read, and its secrets resolved, before this.

    Args:
        project_id: The source's project id. A project's *name* is accepted by no API, yet looks like one.
    """
    if _PROJECT_ID.fullmatch(project_id):
        return Check(CONFIGURATION, State.OK, "It can be read, and its secrets are available.")
    return Check(
        CONFIGURATION,
        State.NOTICE,
        f"project_id is {project_id}, not 32 hexadecimal characters as ids of projects are. If that is the "
        "project's name, use its id: the console shows both under My Credentials, API Credentials.",
    )


def check_contact(error: SourceError | None) -> list[Check]:
    """Judges the first request by how far it got.

    Args:
        error: What it failed with; None where the response was a list.

    Returns:
        The checks reach, sign-in and permission to list; those after a failed one are not done.
    """
    if error is None:
        return [
            Check(REACH, State.OK, "The endpoint responds."),
            Check(SIGN_IN, State.OK, "The credentials are accepted."),
            Check(LIST, State.OK, "Tasks can be listed."),
        ]
    failed = _failed_check(error)
    place = CONTACT.index(failed)
    return [
        *(Check(name, State.OK, "The request got past it.") for name in CONTACT[:place]),
        Check(failed, State.FAILED, str(error)),
        *(not_done(name, failed) for name in CONTACT[place + 1 :]),
    ]


def _failed_check(error: SourceError) -> str:
    if isinstance(error, SignInError):
        return SIGN_IN
    # A 400 for the simplest of lists means that the project is wrong.
    return LIST if isinstance(error, ForbiddenError) or error.status == 400 else REACH


def check_showing(probe: Probe, reply: Reply) -> Check:
    """Checks that a task can be requested by its id, as open tasks are until they end.

    Args:
        probe: Requests it.
        reply: A list; its first task is the one.
    """
    if not reply.rows:
        return Check(GET, State.NOT_DONE, "The source has no task that could be requested.")
    task_id = reply.rows[0].id
    try:
        page = probe.show(task_id)
    except SourceError as error:
        return Check(GET, State.FAILED, str(error))
    if page.records:
        return Check(GET, State.OK, "A task can be requested by its id.")
    return Check(
        GET,
        State.NOTICE,
        f"Task {task_id} was listed, but is unknown when requested by its id (404). Open tasks are then "
        "followed by lists alone; load often enough to see their end.",
    )


def check_clock(served_at: datetime | None, now: datetime) -> Check:
    """Compares this machine's clock with the server's.

    Args:
        served_at: The server's Date header, UTC.
        now: The time by this machine's clock when the response had arrived, UTC.
    """
    if served_at is None:
        return Check(CLOCK, State.NOT_DONE, "The server's responses have no Date to compare with.")
    ahead = (now - served_at).total_seconds()
    skew = f"{abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's"
    if abs(ahead) <= NOTABLE_SKEW_SECONDS:
        return Check(
            CLOCK, State.OK, f"This machine's clock agrees with the server's within {NOTABLE_SKEW_SECONDS} s."
        )
    if abs(ahead) <= MAX_SKEW_SECONDS:
        return Check(CLOCK, State.NOTICE, f"This machine's clock is {skew}. Synchronize it by NTP.")
    return Check(
        CLOCK,
        State.FAILED,
        f"This machine's clock is {skew}. Correct it, best by NTP: signatures are valid for minutes only, "
        "and a load computes its windows from the current time.",
    )


def check_quota(requests: int, seconds: float, rate_limited: int) -> Check:
    """Reports whether the source rejected requests of the examination because of its quota.

    Args:
        requests: Requests made.
        seconds: In how much time.
        rate_limited: How many of them were rejected with 429.
    """
    pace = f"{amount(requests, 'requests')} in {seconds:,.1f} s"
    if not rate_limited:
        return Check(QUOTA, State.OK, f"{pace}, none rejected by a rate limit (429).")
    return Check(
        QUOTA,
        State.NOTICE,
        f"{pace}, of which {rate_limited} were rejected by a rate limit (429). Loads adapt to that; to leave "
        "quota to other programs, set max_requests_per_second of the source.",
    )


def not_done(name: str, failed: str) -> Check:
    """A check that another one's failure made impossible."""
    return Check(name, State.NOT_DONE, f"Not checked, because {failed} failed.")
