"""The way of a new user: which servers are not protected, since when and why, by links alone."""

from pathlib import Path
from urllib.parse import urlsplit

from cbr_warehouse.warehouse.open_published import open_published
from support.local_page import Element, ask, links_of, read_html, served_page
from support.small_inventory import SmallInventory
from support.small_log import SmallLog


def follow(url: str, page: Element, path: str) -> Element:
    """The page that the first link to a path leads to."""
    (link, *_) = [one for one in links_of(page) if urlsplit(one).path == path]
    return read_html(ask(url, link).text)


def listed(page: Element, name: str) -> list[dict[str, str]]:
    """The rows of a section's table, by the headings that a person reads."""
    (section,) = page.find("section", data_query=name)
    return [
        {cell.attributes["data-heading"]: cell.text for cell in line.find("td")}
        for body in section.find("tbody")
        for line in body.find("tr")
    ]


def test_the_first_page_leads_to_who_is_not_protected_since_when_and_why(small_demo: Path) -> None:
    published = small_demo / "warehouse.duckdb"
    with served_page(published) as url:
        first = read_html(ask(url).text)
        (figure,) = first.find("section", data_query="unprotected_now")
        (count, *_) = figure.find("dd")
        page = follow(url, figure, "/unprotected")
    with open_published(published) as connection:
        rows = connection.execute("SELECT resource_name, since, why FROM unprotected_resources").fetchall()
        old = connection.execute(
            "SELECT resource_name FROM resource_protection "
            "WHERE bucket IN ('within_2x_rpo', 'within_7d', 'older_than_7d', 'none_left', 'never')"
        ).fetchall()
    assert len(rows) > 0 < len(old)
    assert count.text == f"{len(rows):,}"
    shown = listed(page, "unprotected")
    by_name = {(name, since, why) for name, since, why in rows}
    assert len(shown) == min(len(rows), 50)
    for row in shown:
        assert any(
            name == row["Resource"]
            and row["Since"].startswith(f"{since:%Y-%m-%d %H:%M}")
            and row["Why"] == why
            for name, since, why in by_name
        ), row
    late = listed(page, "too_old")
    assert len(late) == min(len(old), 50)
    assert {row["Resource"] for row in late} <= {name for (name,) in old}
    for row in late:
        # Why: the last attempts failed, by what the vendor says of it; or nobody has tried since.
        assert row["What the vendor says"] != "–" or row["Last tried"] != "–", row


def test_each_of_them_has_a_page_that_says_why(small_demo: Path) -> None:
    """Those too that were in no vault ever: the log does not name them, so only the inventory knows why."""
    reasons = set()
    with served_page(small_demo / "warehouse.duckdb") as url:
        address: str | None = "/unprotected"
        while address is not None:
            page = read_html(ask(url, address).text)
            (section,) = page.find("section", data_query="unprotected")
            for line in section.find("tbody")[0].find("tr"):
                why = line.find("td", data_column="why")[0].text
                if why in reasons:
                    continue
                reasons.add(why)
                (link,) = [one for one in links_of(line) if urlsplit(one).path == "/resource"]
                answer = ask(url, link)
                assert answer.status == 200, (why, answer.text)
                if why == "in no vault, and was in none before":
                    (record,) = read_html(answer.text).find("section", data_query="unprotected")
                    assert record.find("dd", data_column="why")[0].text == why
            address = next(
                (link for one in page.find("a", rel="next") for link in [one.attributes["href"]]), None
            )
    assert "in no vault, and was in none before" in reasons


def test_without_an_inventory_the_page_says_so_and_shows_what_the_log_has(tmp_path: Path) -> None:
    log = SmallLog("2026-03-10 00:00")
    log.daily("old", "2026-03-01 01:00", 3)
    with served_page(log.publish(tmp_path / "warehouse.duckdb")) as url:
        first = read_html(ask(url).text)
        page = follow(url, first, "/unprotected")
    (figure,) = first.find("section", data_query="unprotected_now")
    assert {one.text for one in figure.find("dd", data_column="*")} == {"–"}
    (section,) = page.find("section", data_query="unprotected")
    assert "inventory = true" in section.text
    assert "No resource that was listed" not in section.text
    assert [row["Resource"] for row in listed(page, "too_old")] == ["old"]


def test_without_the_list_of_vaults_nothing_is_said_to_be_protected(tmp_path: Path) -> None:
    """ "0 not protected" was said of an inventory that the credentials may not read."""
    log = SmallLog("2026-03-10 00:00")
    log.daily("a", "2026-03-01 01:00", 9)
    inventory = SmallInventory(log, vaults="not_permitted")
    inventory.protectable("b")
    with served_page(log.publish(tmp_path / "warehouse.duckdb")) as url:
        first = read_html(ask(url).text)
    (figure,) = first.find("section", data_query="unprotected_now")
    assert {one.text for one in figure.find("dd", data_column="*")} == {"–"}
