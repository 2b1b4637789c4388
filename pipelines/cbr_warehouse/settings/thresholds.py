"""The table ``[thresholds]`` of the configuration; ``analytics`` defines each of them."""

from datetime import timedelta
from typing import Any

from pydantic import Field

from cbr_warehouse.settings.analytics import THRESHOLDS, AnalyticsSettings
from cbr_warehouse.settings.durations import ALLOWED_DURATION
from cbr_warehouse.settings.values import Duration, Values

ALLOWED_COUNT = "a whole number from 1 to 1000, without quotes"

_DEFAULTS = AnalyticsSettings()


def _threshold(name: str) -> Any:
    """The field of a threshold, with default and bounds as ``AnalyticsSettings`` defines them."""
    threshold, default = THRESHOLDS[name], getattr(_DEFAULTS, name)
    allowed = threshold.allowed or (ALLOWED_COUNT if isinstance(default, int) else ALLOWED_DURATION)
    if isinstance(default, timedelta):
        allowed += ", above zero" if "gt" in threshold.bounds else ""
        allowed += ", at least 1d" if threshold.bounds.get("ge") == timedelta(days=1) else ""
    constraints: dict[str, Any] = dict(threshold.bounds)
    if isinstance(default, float):
        constraints["allow_inf_nan"] = False
    return Field(default, description=allowed, **constraints)


class Thresholds(Values):
    """Thresholds of the analytics and controls: ``[thresholds]``; ``AnalyticsSettings`` defines them."""

    rpo_grace: Duration = _threshold("rpo_grace")
    default_interval: Duration = _threshold("default_interval")
    strikes: int = _threshold("strikes")
    copy_lag: Duration = _threshold("copy_lag")
    stuck_after: Duration = _threshold("stuck_after")
    anomaly_z: float = _threshold("anomaly_z")
    lookback: Duration = _threshold("lookback")
    success_target: float = _threshold("success_target")
    success_floor: float = _threshold("success_floor")
    watch_share: float = _threshold("watch_share")
    act_share: float = _threshold("act_share")
    act_missing_days: float = _threshold("act_missing_days")
    persistent_after: Duration = _threshold("persistent_after")
    incident_gap: Duration = _threshold("incident_gap")
    incident_resources: int = _threshold("incident_resources")
    restore_test: Duration = _threshold("restore_test")
    run_gap: Duration = _threshold("run_gap")
    schedule_window: Duration = _threshold("schedule_window")
    mass_delete: int = _threshold("mass_delete")
    expiry_from: Duration = _threshold("expiry_from")
    expiry_until: Duration = _threshold("expiry_until")
    lateness_period: Duration = _threshold("lateness_period")
    lateness_watch: Duration = _threshold("lateness_watch")
    load_gap: Duration = _threshold("load_gap")
    rto: Duration = _threshold("rto")
    made_good: Duration = _threshold("made_good")
    missed_slots: int = _threshold("missed_slots")
    data_age: Duration = _threshold("data_age")
    signal_window: Duration = _threshold("signal_window")
    stopped_after: int = _threshold("stopped_after")
    retention_cut: Duration = _threshold("retention_cut")
