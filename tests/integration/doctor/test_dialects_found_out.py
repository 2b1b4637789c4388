"""The doctor finds out every dialect over real HTTP, says what shows it, and asks few questions."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from pydantic import SecretStr

from cbr_emulator.dialect.settings import ALLOWED, FALLBACK, Dialect
from cbr_emulator.server.auth import PROJECT, TOKEN
from cbr_warehouse.doctor.examine import Clocks, examine
from cbr_warehouse.doctor.finding import Diagnosis, Finding
from cbr_warehouse.doctor.probe import MAX_REQUESTS
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import TokenCredentials
from cbr_warehouse.source.client import CbrClient
from support.emulator_server import Emulated

LIMIT, COLUMNS = "limit above the maximum", "columns of start_time and end_time"
LEFT_OUT, TIMES, ABSENT = "providers left out of lists", "form of times", "fields without a value"
TURBO = "3f3c3220-245c-4805-b811-758870015881"
MONTH = timedelta(days=30)

FILTERS = {"started_ended": "started_at and ended_at"}

BEHAVIOUR: list[tuple[dict[str, Any], str, str]] = [
    *[
        ({"order": column, "direction": direction}, "order", f"{column} {direction}ending")
        for column in ALLOWED["order"]
        for direction in ALLOWED["direction"]
    ],
    *[({"filter": columns}, COLUMNS, FILTERS.get(columns, columns)) for columns in ALLOWED["filter"]],
    *[
        ({"filter": column, "bounds": bounds}, "bounds", bounds)
        for column in ALLOWED["filter"]
        for bounds in ALLOWED["bounds"]
    ],
    ({"max_limit": 1000}, LIMIT, "clamped to 1000"),
    ({"max_limit": 50}, LIMIT, "clamped to 50"),
    ({"max_limit": 1}, LIMIT, "clamped to 1"),
    ({"max_limit": 1000, "over_limit": "refuse"}, LIMIT, "refused above 1000"),
    ({"max_limit": 50, "over_limit": "refuse"}, LIMIT, "refused above 50"),
    ({"max_limit": 50, "over_limit": "default"}, LIMIT, "replaced by 10"),
    ({"max_limit": 1000, "over_limit": "default", "default_limit": 25}, LIMIT, "replaced by 25"),
    ({"count": "all"}, "count", "all"),
    ({"count": "page"}, "count", "page"),
    ({"offset_base": "0"}, "offset", "from 0"),
    ({"offset_base": "1"}, "offset", "from 1"),
    ({"names": "exact"}, "names in filters", "exact"),
    ({"names": "fuzzy"}, "names in filters", "fuzzy"),
    ({"provider_default": "none"}, LEFT_OUT, "none"),
    ({"provider_default": "server_disk"}, LEFT_OUT, f"left out: {TURBO}"),
    ({"retention": MONTH}, "retention", "30 days"),
    ({"retention": None}, "retention", "more than 30 days"),
]

SHAPES: list[tuple[dict[str, Any], str, str]] = [
    ({"times": "naive"}, TIMES, "no zone, 6 digits"),
    ({"times": "z"}, TIMES, "Z, 6 digits"),
    ({"times": "offset"}, TIMES, "+00:00, 3 digits"),
    ({"times": "seconds"}, TIMES, "Z, 0 digits"),
    ({"nulls": "null"}, ABSENT, "null"),
    ({"nulls": "absent"}, ABSENT, "absent"),
    ({"nulls": "empty"}, ABSENT, "empty text"),
    ({"incremental": "bool"}, "backup.incremental", "boolean"),
    ({"incremental": "string"}, "backup.incremental", "text"),
    ({"incremental": "quoted"}, "backup.incremental", "text in quotes of its own"),
    ({"incremental": "number"}, "backup.incremental", "number"),
    ({"counters": "short"}, "counters of vault_delete", "fail_count, total_count"),
    ({"counters": "long"}, "counters of vault_delete", "fail_delete_count, total_delete_count"),
]


def client_of(url: str) -> tuple[SourceSettings, CbrClient]:
    settings = SourceSettings.model_validate(
        {"name": "prod", "endpoint": url, "project_id": PROJECT, "token": "env:CBR_TOKEN"}
    )
    return settings, CbrClient(settings, TokenCredentials(SecretStr(TOKEN)))


def examined(running: Emulated, dialect: Dialect) -> Diagnosis:
    running.emulator.dialect = dialect
    settings, client = client_of(running.url)
    with client:
        return examine(settings, client, Clocks(lambda: datetime.now(UTC), time.monotonic))


def finding_of(found: Diagnosis, behaviour: str) -> Finding:
    return next(finding for finding in found.findings if finding.behaviour == behaviour)


def named(switches: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in switches.items())


@pytest.mark.parametrize(
    ("switches", "behaviour", "verdict"),
    BEHAVIOUR,
    ids=lambda value: named(value) if isinstance(value, dict) else None,
)
def test_a_behaviour_is_found_out(
    telling: Emulated, switches: dict[str, Any], behaviour: str, verdict: str
) -> None:
    found = examined(telling, replace(Dialect(), **{"retention": MONTH} | switches))
    finding = finding_of(found, behaviour)
    assert finding.verdict == verdict, finding
    assert finding.evidence
    assert found.is_well
    assert found.requests <= MAX_REQUESTS


@pytest.mark.parametrize(
    ("switches", "behaviour", "verdict"),
    SHAPES,
    ids=lambda value: named(value) if isinstance(value, dict) else None,
)
def test_a_shape_is_found_out(
    estate: Emulated, switches: dict[str, Any], behaviour: str, verdict: str
) -> None:
    finding = finding_of(examined(estate, replace(Dialect(), **switches)), behaviour)
    assert finding.verdict == verdict, finding
    assert finding.evidence


@pytest.mark.parametrize("times", ALLOWED["times"])
@pytest.mark.parametrize("bounds", ALLOWED["bounds"])
def test_coarsely_printed_times_do_not_mislead_about_bounds(
    estate: Emulated, times: str, bounds: str
) -> None:
    """A time printed without its fraction looks as if it lay on a bound exactly."""
    finding = finding_of(examined(estate, replace(Dialect(), times=times, bounds=bounds)), "bounds")
    assert finding.verdict in {None, bounds}


def test_every_value_of_a_switch_that_is_examined_has_its_case() -> None:
    tried = {(key, value) for switches, _, _ in BEHAVIOUR + SHAPES for key, value in switches.items()}
    tried |= {("over_limit", "clamp")}  # the default, tried with each max_limit
    examined_switches = {key for key, _ in tried} & ALLOWED.keys()
    assert {(key, value) for key in examined_switches for value in ALLOWED[key]} <= tried


def expected_of(dialect: Dialect) -> dict[str, str]:
    """The one verdict on each behaviour that is right."""
    most = dialect.max_limit
    over = {
        "clamp": f"clamped to {most}",
        "refuse": f"refused above {most}",
        "default": f"replaced by {FALLBACK}" if most > FALLBACK else f"clamped to {most}",
    }
    return {
        LIMIT: over[dialect.over_limit],
        "count": dialect.count,
        "offset": f"from {dialect.offset_base}",
        "order": f"{dialect.order} {dialect.direction}ending",
        COLUMNS: FILTERS.get(dialect.filter, dialect.filter),
        "bounds": dialect.bounds,
        "names in filters": dialect.names,
        LEFT_OUT: f"left out: {TURBO}" if dialect.provider_default == "server_disk" else "none",
        "retention": "30 days" if dialect.retention else "more than 30 days",
    }


@pytest.mark.parametrize("seed", range(40))
def test_no_mixture_of_dialects_leads_to_a_wrong_verdict(telling: Emulated, seed: int) -> None:
    random = Random(seed)
    mixed = {key: random.choice(values) for key, values in ALLOWED.items()}
    limits = {"max_limit": random.choice([1, 10, 50, 100, 1000]), "retention": random.choice([MONTH, None])}
    dialect = replace(Dialect(), **mixed, **limits)
    found = examined(telling, dialect)
    expected = expected_of(dialect)
    wrong = [
        finding
        for finding in found.findings
        if finding.behaviour in expected and finding.verdict not in {None, expected[finding.behaviour]}
    ]
    assert not wrong
    decided = [finding for finding in found.findings if finding.behaviour in expected and finding.verdict]
    assert len(decided) >= 6
    assert found.requests <= MAX_REQUESTS
