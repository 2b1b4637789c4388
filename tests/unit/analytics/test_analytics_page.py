"""docs/analytics.md is what the headers of the definitions say."""

import re
from pathlib import Path

import pytest

from cbr_warehouse.analytics.catalogue import PARTS, parse_definition, views
from cbr_warehouse.analytics.docs_page import TOPICS, write_page

REPORTS = [
    "backup_success_daily",
    "protection_coverage",
    "rpo_compliance",
    "unresolved_failures",
    "consecutive_failures",
    "failing_streaks",
    "failure_causes",
    "error_mix_change",
    "missed_backups",
    "job_duration",
    "long_running",
    "open_tasks",
    "concurrency",
    "start_delay",
    "replication",
    "restore_evidence",
    "deletion_audit",
    "app_consistency",
    "full_incremental",
    "scorecard",
    "as_known_at",
    "definition_comparator",
    "exposure_pareto",
    "retry_worth",
    "failure_incidents",
    "time_to_recover",
    "region_loss",
    "recovery_point_ledger",
    "data_quality",
]


def test_the_page_is_fresh() -> None:
    page = (Path(__file__).parents[3] / "docs/analytics.md").read_text(encoding="utf-8")
    assert page == write_page(), "docs/analytics.md is stale: run 'make docs' and commit it"


def test_every_promised_report_is_there() -> None:
    assert set(REPORTS) <= {view.name for view in views()}


def test_the_index_leads_to_every_view_and_macro_once() -> None:
    listed = [name for _, names in TOPICS for name in names]
    assert sorted(listed) == sorted(view.name for view in views())


def test_every_link_of_the_index_leads_to_a_heading() -> None:
    page = write_page()
    headings = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^### (.+)$", page, re.MULTILINE)
    }
    links = re.findall(r"\]\(#([^)]+)\)", page)
    assert links
    assert set(links) <= headings


def test_a_description_that_is_not_continued_as_one_is_refused() -> None:
    """The rest of a description was left out of the page and the comments."""
    header = "\n".join(f"-- {part}: words" for part in PARTS)
    text = f"{header}\n-- Columns:\n--   one: A description\n{{}}went on.\nSELECT 1 AS one"
    found = parse_definition("v", "view", text.format("--       "))
    assert found.columns == {"one": "A description went on."}
    with pytest.raises(ValueError, match=r"v\.sql: not a column with its description: went on\."):
        parse_definition("v", "view", text.format("--     "))
