"""Every figure of a report is that of the view it names, for any period and limit; parts add up."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.reader.warehouse import Warehouse, open_warehouse
from cbr_warehouse.report.collect_data import collect_data
from cbr_warehouse.report.key_figures import Figure, compute_figures
from cbr_warehouse.report.options import WHOLE, Language, Scope
from cbr_warehouse.report.period import Period, find_period
from cbr_warehouse.report.period_name import parse_period
from cbr_warehouse.report.texts import read_texts
from support.small_log import SmallLog, at

pytestmark = pytest.mark.fault("answers of the report")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources of six vaults: resources fail, recover, are never backed up, copied, removed."""
    log = SmallLog(source="a", watermark="2026-03-09 18:00").load("2026-03-09 18:00", source="b")
    for number in range(24):
        source = "ab"[number % 2]
        names = {"source": source, "vault_id": f"{source}-{number % 6}", "policy_id": f"p-{number % 4}"}
        resource, begin = f"id-{number}", at("2026-01-20 01:00") + timedelta(minutes=number)
        for day in range(49):
            is_bad = number == 5 or (number % 5 == 0 and day > 44) or (day + number) % 17 == 0
            status = {"status": "failed", "error_code": f"E{number % 3}"} if is_bad else {}
            task = log.backup(resource, begin + timedelta(days=day), **names | status)
            if number % 3 == 0 and not is_bad:
                copied = {"source": source, "vault_id": names["vault_id"]}
                log.copy(task, begin + timedelta(days=day, hours=6), **copied)
    log.remove(["id-4"], "2026-03-09 12:00", source="a", vault_id="a-4")
    return log.publish(tmp_path_factory.mktemp("figures") / "warehouse.duckdb")


def read(opened: Warehouse, period: str, scope: Scope = WHOLE) -> tuple[Period, dict[str, Figure]]:
    found = find_period(opened, parse_period(period), scope)
    assert found
    return found, compute_figures(opened, found, scope)


@pytest.mark.parametrize("sources", [("a", "b"), ("a",), ("b",)], ids="+".join)
@pytest.mark.parametrize("period", ["day", "week", "2026-02", "2026-02-10..2026-02-20"])
def test_figures_are_those_of_the_views(warehouse: Path, period: str, sources: tuple[str, ...]) -> None:
    with open_warehouse(warehouse) as opened:
        found, figures = read(opened, period, Scope.of(sources))
        parameters = found.parameters | {"sources": list(sources)}

        def one(query: str) -> dict[str, float]:
            used = {name: value for name, value in parameters.items() if f"${name}" in query}
            (row,) = opened.sql(query, used, as_="arrow").to_pylist()
            return dict(row)

        success = one(
            "SELECT sum(protected) AS n, sum(protected + failed + skipped) AS total "
            "FROM analytics.backup_success_daily WHERE list_contains($sources, source) "
            "AND backup_day >= $from_day AND backup_day < $to_day"
        )
        assert (figures["success"].numerator, figures["success"].denominator) == tuple(success.values())
        hours = one(
            "SELECT sum(unprotected_hours) AS n, sum(observed_hours) AS total "
            "FROM analytics.exposure($from_at, $to_at) WHERE list_contains($sources, source)"
        )
        assert figures["unprotected"].numerator == pytest.approx(hours["n"])
        assert figures["unprotected"].denominator == pytest.approx(hours["total"])
        recovered = one(
            "SELECT count(*) AS n, median(duration_hours) AS hours FROM analytics.failing_streaks "
            "WHERE list_contains($sources, source) AND ended_by = 'recovery' "
            "AND recovered_at >= $from_at AND recovered_at < $to_at"
        )
        assert figures["recovery"].denominator == recovered["n"] == figures["made_good"].numerator > 0
        assert figures["recovery"].value == pytest.approx(recovered["hours"])
        if period in {"day", "week"}:
            # The views that know the present alone: the period ends at the watermark.
            strikes = one(
                "SELECT count(*) AS n FROM analytics.consecutive_failures "
                "WHERE list_contains($sources, source)"
            )
            assert figures["strikes"].value == strikes["n"] > 0
            still_open = one(
                "SELECT count(*) AS n FROM analytics.failing_streaks "
                "WHERE list_contains($sources, source) AND is_open"
            )
            assert figures["made_good"].denominator == recovered["n"] + still_open["n"] > recovered["n"]
            never = one(
                "SELECT sum(never) AS n, sum(resources) AS total FROM analytics.protection_coverage "
                "WHERE list_contains($sources, source)"
            )
            assert (figures["never"].value, figures["never"].denominator) == tuple(never.values())
            copied = one(
                "SELECT count(*) FILTER (has_copy) AS n, "
                "quantile_cont(offsite_rpo_hours, 0.95) FILTER (has_copy) AS p95 "
                "FROM analytics.offsite_rpo WHERE list_contains($sources, source)"
            )
            assert figures["offsite"].denominator == copied["n"]
            assert figures["offsite"].value == pytest.approx(copied["p95"])


@pytest.mark.parametrize("period", ["week", "2026-02"])
@pytest.mark.parametrize("part", ["vault_id", "policy_id", "source"])
def test_parts_add_up_to_the_whole(warehouse: Path, period: str, part: str) -> None:
    with open_warehouse(warehouse) as opened:
        _, whole = read(opened, period)
        rows = opened.sql(f"SELECT DISTINCT {part} AS name FROM analytics.resource_day", as_="arrow")
        names = [row["name"] for row in rows.to_pylist()]
        assert len(names) > 1
        limits = {"vault_id": "vaults", "policy_id": "policies", "source": "sources"}
        parts = [read(opened, period, Scope.of(**{limits[part]: [name]}))[1] for name in names]
    for name, figure in whole.items():
        sums = [sum(getattr(one[name], side) for one in parts) for side in ("numerator", "denominator")]
        assert sums == pytest.approx([figure.numerator, figure.denominator]), name


@pytest.mark.parametrize("scope", [WHOLE, Scope.of(vaults=["a-2", "b-3"])], ids=["whole", "limited"])
def test_earlier_values_are_the_figures_of_reports_of_these_periods(warehouse: Path, scope: Scope) -> None:
    """Only success was compared with more than one earlier period."""
    with open_warehouse(warehouse) as opened:
        _, figures = read(opened, "2026-02-17..2026-02-19", scope)
        for back in (1, 2, 9):
            first, last = (date(2026, 2, day) - timedelta(days=3 * back) for day in (17, 19))
            _, then = read(opened, f"{first}..{last}", scope)
            assert {name: one.earlier[-back] for name, one in figures.items()} == {
                name: one.value for name, one in then.items()
            }
        assert [len(one.earlier) for one in figures.values()] == [12] * 7
        # The log begins on 20 January; the earliest three of the twelve begin before.
        assert all(one.earlier[:3] == (None,) * 3 for one in figures.values())
        assert figures["success"].rank
        assert figures["success"].rank.periods == 9


@pytest.mark.parametrize("scope", [WHOLE, Scope.of(vaults=["late"])], ids=["whole", "limited"])
def test_the_verdict_compares_success_with_the_periods_that_its_figure_is_compared_with(
    tmp_path: Path, scope: Scope
) -> None:
    """A log that begins with deletions at noon covers the night after it, and so it does for a new vault."""
    log = SmallLog("2026-03-10 00:00")
    log.task("delete", "2026-02-20 12:00", resource="a")
    log.daily("a", "2026-02-21 01:00", 17)
    log.daily("b", "2026-03-03 01:00", 7, vault_id="late")
    with open_warehouse(log.publish(tmp_path / "warehouse.duckdb")) as opened:
        data = collect_data(opened, parse_period("2026-03-04..2026-03-07"), read_texts(Language.EN), scope)
    compared = [
        row["final_success_rate"] if row["is_covered"] else None for row in data.results["history"].rows[:-1]
    ]
    assert compared == list(data.figures["success"].earlier)
    assert compared[-3:] == ([1.0] * 3 if scope is WHOLE else [None, None, 1.0])
