"""Filters, order and pages of the lists: what is shown, and that nothing is shown twice or left out."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest

from support.local_page import Element, ask, links_of, read_html, served_page
from support.small_log import SmallLog

MANY = 120


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two sources; of the first, many resources in two vaults, some of which fail."""
    log = SmallLog(watermark="2026-03-10 00:00").load("2026-03-10 00:00", source="other")
    for number in range(MANY):
        fails = number % 10 == 0
        log.backup(
            f"disk-{number:03}",
            "2026-03-09 01:00",
            resource_type="OS::Cinder::Volume" if number % 2 else "OS::Nova::Server",
            vault_id=f"vault-{number % 2}",
            policy_id=f"policy-{number % 3}",
            status="failed" if fails else "success",
            error_code="BackupService.9910" if fails else None,
        )
    log.daily("fine", "2026-02-20 01:00", 17, source="other", vault_id="vault-9")
    log.backup("fine", "2026-03-09 01:00", source="other", vault_id="vault-9", status="failed")
    with served_page(log.publish(tmp_path_factory.mktemp("page") / "warehouse.duckdb")) as url:
        yield url


def listed(url: str, address: str) -> list[tuple[str, str]]:
    """Source and id of the rows of the calendar at an address, over all its pages."""
    found: list[tuple[str, str]] = []
    while address:
        page = read_html(ask(url, address).text)
        found += [key_of(line) for table in page.find("tbody")[:1] for line in table.find("tr")]
        address = next((one.attributes["href"] for one in page.find("a", rel="next")), "")
    return found


def key_of(line: Element) -> tuple[str, str]:
    query = dict(parse_qsl(urlsplit(links_of(line)[0]).query))
    return query["source"], query.get("id") or query["vault"]


def test_every_resource_is_listed_once_the_failing_ones_first(url: str) -> None:
    found = listed(url, "/")
    assert len(found) == len(set(found)) == MANY + 1
    failing = {("main", f"disk-{number:03}") for number in range(0, MANY, 10)}
    assert set(found[: len(failing) + 1]) == failing | {("other", "fine")}
    assert set(listed(url, "/?page=2")) < set(found)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("source=other", lambda source, _number: source == "other"),
        ("source=main", lambda source, _number: source == "main"),
        ("vault=vault-1", lambda source, number: source == "main" and number % 2 == 1),
        ("vault=VAULT-1", lambda source, number: source == "main" and number % 2 == 1),
        ("policy=policy-2", lambda source, number: source == "main" and number % 3 == 2),
        ("type=OS::Cinder::Volume", lambda source, number: source == "main" and number % 2 == 1),
        ("resource=disk-00", lambda source, number: source == "main" and number < 10),
        ("code=BackupService.9910", lambda source, number: source == "main" and number % 10 == 0),
        ("resource=disk-00&vault=vault-1", lambda source, n: source == "main" and n < 10 and n % 2 == 1),
    ],
)
def test_a_filter_shows_what_matches_and_nothing_else(url: str, query: str, wanted: object) -> None:
    assert callable(wanted)
    everything = [("main", f"disk-{number:03}", number) for number in range(MANY)] + [("other", "fine", -1)]
    matching = {(source, name) for source, name, number in everything if wanted(source, number)}
    assert matching
    assert set(listed(url, f"/?{query}")) == matching


def test_vaults_are_rows_and_lead_to_their_resources(url: str) -> None:
    assert set(listed(url, "/?by=vaults")) == {("main", "vault-0"), ("main", "vault-1"), ("other", "vault-9")}
    page = read_html(ask(url, "/?by=vaults&nights=7").text)
    (failed, *_) = page.find("td", class_="failed")
    night = read_html(ask(url, links_of(failed)[0]).text)
    shown = night.find("section", data_query="night")[0].find("tr", role="row")[1:]
    # All resources with an even number, of which every fifth fails; failures come first.
    assert night.find("span", class_="total")[0].text == str(MANY // 2)
    verdicts = [line.find(data_column="verdict")[0].text for line in shown]
    assert verdicts == ["failed"] * (MANY // 10) + ["protected"] * (50 - MANY // 10)


def test_the_period_moves(url: str) -> None:
    page = read_html(ask(url, "/?source=other&until=2026-02-24&nights=7").text)
    days = [cell.attributes["data-day"] for cell in page.find("td", data_day="*")]
    assert (days[0], days[-1], len(days)) == ("2026-02-24", "2026-02-18", 7)
    # The first backup, at 01:00 of the 20th, is of the night that began on the 19th.
    outcomes = [cell.attributes["class"] for cell in page.find("td", data_day="*")]
    assert outcomes.count("protected") == 6
    assert outcomes[-1] == "none"


def test_lists_of_failures_follow_the_filters_too(url: str) -> None:
    for path in ("/failures", "/streaks"):
        whole = read_html(ask(url, path).text).find("span", class_="total")[0].text
        one = read_html(ask(url, f"{path}?source=other").text).find("span", class_="total")[0].text
        assert (whole, one) == (str(MANY // 10 + 1), "1")
