"""What is not protected, in the report and its digest: in both languages, and only where an inventory is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cbr_warehouse.reader.warehouse import Warehouse, open_warehouse
from cbr_warehouse.report.collect_data import ESTATE, OF_INVENTORY, ReportData, collect_data
from cbr_warehouse.report.digest import digest_text, make_digest
from cbr_warehouse.report.findings import Grade
from cbr_warehouse.report.options import WHOLE, Language, ReportOptions, Scope
from cbr_warehouse.report.period_name import parse_period
from cbr_warehouse.report.render import render_page
from cbr_warehouse.report.texts import read_texts
from support.small_inventory import SmallInventory
from support.small_log import SmallLog

pytestmark = pytest.mark.fault("answers of the report")

WEEK = parse_period("week")
ENGLISH, CHINESE = read_texts(Language.EN), read_texts(Language.ZH)
HOSTILE = "<script>alert(1)</script>=x"


def log_of(source: str = "main") -> SmallLog:
    log = SmallLog("2026-03-10 00:00", source=source)
    log.daily("good", "2026-02-20 01:00", 18, vault_id="gold", policy_id="nightly")
    return log


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One resource is protected, nine are in no vault, and one is in a vault that has no policy."""
    log = log_of()
    inventory = SmallInventory(log, backups="not_permitted")
    inventory.policy("nightly", "FREQ=DAILY;BYHOUR=1")
    inventory.vault("gold", policy="nightly")
    inventory.vault("bare")
    inventory.member("gold", "good")
    inventory.member("bare", "unplanned")
    for name in ("good", "unplanned"):
        inventory.protectable(name, tags=["team=a"])
    for number in range(9):
        name = "twin" if number < 2 else f"new-{number}"
        inventory.protectable(f"{number}-id", resource_name=name, tags=[HOSTILE] if number == 8 else None)
    return log.publish(tmp_path_factory.mktemp("estate") / "warehouse.duckdb")


@pytest.fixture(scope="module")
def opened(path: Path) -> Iterator[Warehouse]:
    with open_warehouse(path) as found:
        yield found


def read(opened: Warehouse, scope: Scope = WHOLE) -> ReportData:
    return collect_data(opened, WEEK, ENGLISH, scope)


def test_the_section_counts_what_the_views_list(opened: Warehouse) -> None:
    data = read(opened)
    by_reason = {
        (row["reason"], row["resource_type"]): row["resources"] for row in data.rows("not_protected")
    }
    assert by_reason == {("never_enrolled", "OS::Nova::Server"): 9, ("no_policy", "OS::Nova::Server"): 1}
    rows = opened.sql("SELECT resource_id FROM analytics.unprotected_resources", as_="arrow").to_pylist()
    longest = data.rows("longest_unprotected")
    assert sorted(row["resource_id"] for row in longest) == sorted(row["resource_id"] for row in rows)
    (totals,) = data.rows("estate")
    assert (totals["resources"], totals["unprotected"], totals["within_rpo"]) == (11, 10, 1)
    tags = {row["tag"]: (row["resources"], row["unprotected"]) for row in data.rows("tags")}
    assert tags == {"(none)": (8, 8), "team=a": (2, 1), HOSTILE: (1, 1)}


def test_the_page_says_how_many_why_which_and_what_could_not_be_read(opened: Warehouse) -> None:
    page = render_page(read(opened), ENGLISH, "0")
    assert (
        "<p>10 of the 11 resources that there are have no protection (in no vault: 9, vault without" in page
    )
    assert "a policy: 1). By the inventory of 2026-03-09 02:00 UTC, whatever the period. " in page
    assert "Not read: backups (not permitted)." in page
    assert "twin (0-id)" in page
    assert "<script>" not in page
    chinese = render_page(read(opened), CHINESE, "0")
    assert "全部 11 个资源中，有 10 个未受保护（未加入存储库 9 个、存储库未绑定策略 1 个）。" in chinese
    assert "未能读取：备份（没有权限）。" in chinese


def test_much_without_protection_is_not_fine(opened: Warehouse) -> None:
    """ "Fine" stood above "133 of the 796 resources that there are have no protection"."""
    data = read(opened)
    (found,) = [one for one in data.verdict.findings if one.name == "not_protected"]
    assert (found.n, found.total, found.grade) == (10, 11, Grade.WATCH)
    assert data.verdict.level == "watch"
    assert "resources without protection, of all there are" in render_page(data, ENGLISH, "0")
    assert "全部资源中未受保护的" in render_page(data, CHINESE, "0")


def test_it_is_no_matter_of_a_vault_nor_of_a_period_long_over(opened: Warehouse) -> None:
    """Of the present alone is known what has no protection, and of whole sources."""
    for data in (
        read(opened, Scope.of(vaults=["gold"])),
        collect_data(opened, parse_period("2026-02-25..2026-03-05"), ENGLISH),
    ):
        assert "not_protected" not in {one.name for one in data.verdict.findings}
        assert data.verdict.level == "fine"
        assert data.rows("estate")


def test_the_digest_has_it_in_one_line(path: Path) -> None:
    digest = make_digest(path, ReportOptions(WEEK))
    assert digest["not_protected"].startswith("10 of the 11 resources")
    assert " ".join(digest_text(digest).split()).count("- 10 of the 11 resources that there are have no") == 1


def test_the_digest_says_as_of_when_and_that_a_limit_does_not_limit_it(path: Path) -> None:
    """Beside "limited to vault gold", a count of the whole source would be taken for one of the vault."""
    text = make_digest(path, ReportOptions(WEEK))["not_protected"]
    assert "By the inventory of 2026-03-09 02:00 UTC, whatever the period. Not read: backups" in text
    limited = make_digest(path, ReportOptions(WEEK, scope=Scope.of(vaults=["gold"])))["not_protected"]
    assert limited == f"{text} Of whole sources: it cannot be limited to a vault or a policy."


def test_a_limit_to_a_vault_does_not_limit_it_and_the_page_says_so(opened: Warehouse) -> None:
    data = read(opened, Scope.of(vaults=["gold"]))
    assert data.rows("estate") == read(opened).rows("estate")
    assert "Of whole sources: it cannot be limited to a vault or a policy.</p>" in render_page(
        data, ENGLISH, "0"
    )


def test_without_an_inventory_nothing_of_it_is_said(tmp_path: Path) -> None:
    """A source without one has no section either, where another source has one."""
    log = log_of("b").load("2026-03-10 00:00", source="a")
    path = log.publish(tmp_path / "warehouse.duckdb")
    with open_warehouse(path) as opened:
        data = read(opened)
        assert not {ESTATE, *OF_INVENTORY} & data.results.keys()
        assert "Not protected" not in render_page(data, ENGLISH, "0")
        assert "not_protected" not in {one.name for one in data.verdict.findings}
    assert make_digest(path, ReportOptions(WEEK))["not_protected"] is None
    other = log_of("b").load("2026-03-10 00:00", source="a")
    other.source = "a"
    SmallInventory(other).protectable("new")
    with open_warehouse(other.publish(tmp_path / "other.duckdb")) as opened:
        assert read(opened).rows("estate")[0]["source"] == "a"
        assert not {ESTATE, *OF_INVENTORY} & read(opened, Scope.of(["b"])).results.keys()


def test_an_estate_without_a_gap_is_said_to_have_none(tmp_path: Path) -> None:
    log = log_of()
    inventory = SmallInventory(log)
    inventory.policy("nightly", "FREQ=DAILY;BYHOUR=1")
    inventory.vault("gold", policy="nightly")
    inventory.member("gold", "good")
    inventory.backup("b", "good", "2026-03-09 01:00")
    with open_warehouse(log.publish(tmp_path / "warehouse.duckdb")) as opened:
        page = render_page(read(opened), ENGLISH, "0")
    assert "None of the 1 resources that there are is without protection." in page
    assert "No resource that was listed is without protection." in page
    assert "Not read" not in page
