"""Sources of one project share one budget of requests; projects do not."""

from typing import Any

from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.rate_limit import RateLimiters


def source(name: str, **keys: Any) -> SourceSettings:
    values = {"endpoint": "https://cbr.example.com", "project_id": "a" * 32, "token": "env:UNUSED"}
    return SourceSettings.model_validate({"name": name} | values | keys)


def test_two_sources_of_one_project_share_a_budget(world) -> None:
    budgets = RateLimiters()
    one = budgets.of(source("one"), world.runtime)
    two = budgets.of(source("two", endpoint="https://cbr.example.com/"), world.runtime)
    assert one is two
    with one.slot() as slot:
        slot.rejected()
    assert two.limit == 1, "what one learned holds for the other"


def test_projects_and_endpoints_have_budgets_of_their_own(world) -> None:
    budgets = RateLimiters()
    throttles = {
        budgets.of(source("one"), world.runtime),
        budgets.of(source("two", project_id="b" * 32), world.runtime),
        budgets.of(source("three", endpoint="https://cbr.example.org"), world.runtime),
    }
    assert len(throttles) == 3
    with next(iter(throttles)).slot() as slot:
        slot.rejected()
    assert sorted(throttle.limit for throttle in throttles) == [1, 2, 2]


def test_the_slowest_pace_holds_for_all_sources_of_a_project(world) -> None:
    budgets = RateLimiters()
    shared = budgets.of(source("one", max_requests_per_second=10), world.runtime)
    budgets.of(source("two", max_requests_per_second=2), world.runtime)
    budgets.of(source("three", max_requests_per_second=50), world.runtime)
    began = world.monotonic()
    for _ in range(5):
        with shared.slot():
            pass
    assert world.monotonic() - began == 2.0
