"""docs/analytics.md is what the headers of the definitions say."""

from pathlib import Path

from cbr_warehouse.analytics.catalogue import views
from cbr_warehouse.analytics.docs_page import write_page

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
