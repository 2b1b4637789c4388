"""What the report asks of the warehouse beside its views."""

from cbr_warehouse.report.queries import read_question
from support.small_log import SmallLog, at


def test_what_left_the_source_hides_nothing_that_is_missing() -> None:
    log = SmallLog()
    log.cover("2026-03-07", counted=5, held=9, expired=4)
    log.cover("2026-03-08", counted=6, held=8, expired=3, state="incomplete")
    results = read_question("completeness").filled(
        {"before_at": at("2026-03-05 18:00"), "to_at": at("2026-03-09 18:00")}
    )
    missing = {row["state"]: row["missing"] for row in log.open().query(results)}
    assert missing == {"complete": 0, "incomplete": 1}
