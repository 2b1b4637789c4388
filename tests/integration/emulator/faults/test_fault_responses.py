"""Each fault has the documented effect and frequency, and is counted."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

ESTATE = ("--tasks", "60", "--days", "3", "--seed", "3", "--now", "2026-11-20T01:30:00Z", "--freeze")


@pytest.fixture
def failing(emulate: Callable[..., str], asker_of: Callable[[str], Any]) -> Callable[..., Any]:
    """Starts an emulator with faults."""
    return lambda *faults: asker_of(
        emulate(*ESTATE, *(word for pair in faults for word in ("--fault", pair)))
    )


def test_throttled(failing: Callable[..., Any]) -> None:
    asker = failing("throttle=1")
    for path in (asker.tasks, f"{asker.tasks}/any"):
        answer = asker.http.get(path)
        assert (answer.status_code, answer.json()["error_code"]) == (429, "APIGW.0308")
        assert "over ratelimit" in answer.json()["error_msg"]
        assert "Retry-After" not in answer.headers
    assert asker.truth()["faults"] == {"throttle": 2}


def test_throttled_with_a_time_to_come_back(failing: Callable[..., Any]) -> None:
    asker = failing("throttle=1", "retry_after=3")
    assert asker.http.get(asker.tasks).headers["Retry-After"] == "3"


def test_a_quota_lasts_for_its_span(failing: Callable[..., Any]) -> None:
    asker = failing("quota=3/2s")
    assert [asker.http.get(asker.tasks).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    time.sleep(2.1)
    assert asker.http.get(asker.tasks).status_code == 200
    assert asker.truth()["faults"] == {"quota": 2}


def test_a_gateway_without_a_backend(failing: Callable[..., Any]) -> None:
    asker = failing("gateway=1")
    answer = asker.http.get(asker.tasks)
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert "502 Bad Gateway" in answer.text


@pytest.mark.parametrize("fault", ["truncate", "corrupt"])
def test_a_body_that_cannot_be_read(failing: Callable[..., Any], fault: str) -> None:
    asker = failing(f"{fault}=1")
    sound = failing().http.get(asker.tasks).content
    answer = asker.http.get(asker.tasks)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"delimiter|Unterminated|Expecting"):
        answer.json()
    if fault == "truncate":
        assert answer.content == sound[: len(sound) // 2]
    else:
        assert len(answer.content) == len(sound)
    assert asker.truth()["faults"] == {fault: 1}


def test_a_stalled_response(failing: Callable[..., Any]) -> None:
    asker = failing("stall=1")
    with pytest.raises(httpx.ReadTimeout):
        asker.http.get(asker.tasks, timeout=0.5)
    assert asker.truth()["faults"] == {"stall": 1}


def test_a_rate_is_kept_and_seeded(failing: Callable[..., Any]) -> None:
    answers = []
    for asker in (failing("throttle=0.3"), failing("throttle=0.3")):
        answers.append([asker.http.get(f"{asker.tasks}/any").status_code for _ in range(150)])
        assert 25 <= answers[-1].count(429) <= 65
        assert asker.truth()["faults"] == {"throttle": answers[-1].count(429)}
    assert answers[0] == answers[1]


def test_signing_in_is_not_disturbed(failing: Callable[..., Any]) -> None:
    asker = failing("throttle=1")
    assert asker.http.get(asker.tasks, headers={"X-Auth-Token": "wrong"}).status_code == 401
