"""The sensors that report failed runs and failed checks to the channels of ``[alerts]``.

Their cursor is the alert log: what was reported, and what no receiver has taken yet, which is tried again
with the next tick. An alert is delivered at least once: a process that is killed between sending and storing
the cursor sends it again, with the same id. That nothing runs at all, no sensor can report; Prometheus does
(docs/prometheus-alerts.yaml).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from cbr_warehouse.alerts.channels import deliver, open_channels
from cbr_warehouse.alerts.log import AlertLog, Problem, parse_log, print_log
from cbr_warehouse.defs.accounts import NO_PROJECT_MISSING
from cbr_warehouse.defs.asset_keys import (
    FAILED_CHECKS_SENSOR,
    FAILED_RUNS_SENSOR,
    SOURCE_TAG,
    account_key,
    raw_key,
    warehouse_key,
)
from cbr_warehouse.defs.check_results import newest_evaluation
from cbr_warehouse.defs.conditions import SOURCES
from cbr_warehouse.defs.failures import as_dagster_failures
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.own_runs import is_own_run, location_of
from cbr_warehouse.defs.raw import NOTHING_MISSING
from cbr_warehouse.warehouse.checks import REFERENCES
from cbr_warehouse.warehouse.conditions import CONDITIONS

INTERVAL_SECONDS = 60
"""How often the sensors look."""

FIRST_LOOK = timedelta(days=1)
"""How far back the first tick looks for failed runs."""

_PAGE = 100
_WILL_RETRY = "dagster/will_retry"

Update = Callable[[dg.SensorEvaluationContext, AlertLog, datetime, tuple[str, ...]], AlertLog]


def alert_sensors(installation: Installation) -> dg.Definitions:
    """The two sensors, which are on by default; none if no receiver is configured.

    Args:
        installation: The installation.
    """
    settings = installation.settings.alerts
    if settings.webhook is None and not settings.mail_to:
        return dg.Definitions()
    keys = [*_check_keys(installation)]

    def runs(
        context: dg.SensorEvaluationContext, log: AlertLog, now: datetime, channels: tuple[str, ...]
    ) -> AlertLog:
        own = location_of(context)
        return report_runs(context.instance, log, now, settings.repeat, channels, own)

    def checks(
        context: dg.SensorEvaluationContext, log: AlertLog, now: datetime, channels: tuple[str, ...]
    ) -> AlertLog:
        return report_checks(context.instance, keys, log, now, settings.repeat, channels)

    return dg.Definitions(
        sensors=[
            _sensor(
                installation,
                FAILED_RUNS_SENSOR,
                "Reports runs that failed, and when they succeed again.",
                runs,
            ),
            _sensor(
                installation,
                FAILED_CHECKS_SENSOR,
                "Reports checks that fail, and when they pass again.",
                checks,
            ),
        ]
    )


def _sensor(installation: Installation, name: str, description: str, update: Update) -> dg.SensorDefinition:
    @dg.sensor(
        name=name,
        # Without a target: it starts no run.
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=description,
    )
    def report(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        with as_dagster_failures():
            channels = open_channels(installation.settings.alerts, installation.environ)
        names = tuple(channel.name for channel in channels)
        log = update(context, parse_log(context.cursor), datetime.now(UTC), names)
        waiting = len(log.undelivered)
        log, failed = deliver(log, channels)
        context.update_cursor(print_log(log))
        if log.undelivered:
            said = " ".join([f"{len(log.undelivered)} alerts are delivered later.", *failed])
            return dg.SkipReason(said)
        return dg.SkipReason(f"{waiting} alerts delivered.")

    return report


def report_runs(
    instance: dg.DagsterInstance,
    log: AlertLog,
    now: datetime,
    repeat: timedelta,
    channels: tuple[str, ...],
    location: str | None,
) -> AlertLog:
    """Adds alerts for the runs that ended since the last look.

    Args:
        instance: The instance.
        log: The log so far.
        now: The present, UTC.
        repeat: How long until a failure that lasts is reported again.
        channels: Names of the channels that deliver.
        location: Name of this code location; None if it is not known.
    """
    position = log.position
    for record in _ended_runs(instance, log.position, now):
        position = max(position, record.storage_id)
        run = instance.get_run_by_id(record.run_id)
        # A run that is started again is reported when that one has failed, too.
        if run is None or not is_own_run(run, location) or run.tags.get(_WILL_RETRY) == "true":
            continue
        subject = f"load of {run.tags[SOURCE_TAG]}" if SOURCE_TAG in run.tags else f"job {run.job_name}"
        if record.event_type is dg.DagsterEventType.RUN_SUCCESS:
            log = log.recovered(subject, now, channels)
            continue
        said = _failure_of(instance, record)
        facts = {"run_id": run.run_id, "job": run.job_name}
        facts |= {"source": run.tags[SOURCE_TAG]} if SOURCE_TAG in run.tags else {}
        # Times, counts and ids differ from one failure to the next with the same reason.
        problem = Problem(
            subject, f"{subject} failed", said, re.sub(r"[0-9a-f]*\d[0-9a-f]*", "#", said), facts
        )
        log = log.failing(problem, now, repeat, channels)
    return replace(log, position=position)


def report_checks(
    instance: dg.DagsterInstance,
    keys: Sequence[dg.AssetCheckKey],
    log: AlertLog,
    now: datetime,
    repeat: timedelta,
    channels: tuple[str, ...],
) -> AlertLog:
    """Adds alerts for the checks whose newest result is a failure, and for those that pass again.

    Args:
        instance: The instance.
        keys: The checks.
        log: The log so far.
        now: The present, UTC.
        repeat: How long until a failure that lasts is reported again.
        channels: Names of the channels that deliver.
    """
    for key in keys:
        evaluation = newest_evaluation(instance, key)
        if evaluation is None:
            continue
        subject = f"check {key.asset_key.to_user_string()}:{key.name}"
        if evaluation.passed:
            log = log.recovered(subject, now, channels)
        else:
            log = log.failing(_problem(subject, key, evaluation), now, repeat, channels)
    return log


def _check_keys(installation: Installation) -> Iterator[dg.AssetCheckKey]:
    """The checks of this code location."""
    for source in installation.settings.sources:
        yield dg.AssetCheckKey(raw_key(source.name), NOTHING_MISSING)
    for account in installation.settings.accounts:
        yield dg.AssetCheckKey(account_key(account.name), NO_PROJECT_MISSING)
    for table in installation.load_context.contract.tables:
        yield dg.AssetCheckKey(warehouse_key(table.name), "unique_key")
    for child, parent, _ in REFERENCES:
        yield dg.AssetCheckKey(warehouse_key(child), f"references_{parent}")
    for name, condition in CONDITIONS.items():
        yield dg.AssetCheckKey(warehouse_key(condition.table), name)


def _ended_runs(instance: dg.DagsterInstance, position: int, now: datetime) -> list[dg.EventLogRecord]:
    """Events of runs that ended after a position, in the order in which they did."""
    found: list[dg.EventLogRecord] = []
    for kind in (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_SUCCESS):
        filters = dg.RunStatusChangeRecordsFilter(
            event_type=kind,
            after_storage_id=position or None,
            after_timestamp=None if position else (now - FIRST_LOOK).timestamp(),
        )
        cursor: str | None = None
        while True:
            page = instance.fetch_run_status_changes(filters, limit=_PAGE, cursor=cursor, ascending=True)
            found += page.records
            if not page.has_more:
                break
            cursor = page.cursor
    return sorted(found, key=lambda record: record.storage_id)


def _failure_of(instance: dg.DagsterInstance, record: dg.EventLogRecord) -> str:
    """What a run failed with: the messages of its failed steps, or else what ended it."""
    steps = instance.all_logs(record.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    said = []
    for entry in steps:
        data = entry.dagster_event.step_failure_data if entry.dagster_event else None
        if data is not None and data.user_failure_data is not None and data.user_failure_data.description:
            said.append(data.user_failure_data.description)
        elif data is not None and data.error is not None:
            said.append(data.error.message.strip())
    event = record.event_log_entry.dagster_event
    return "\n".join(said) or (event and event.message) or record.event_log_entry.user_message or "It failed."


def _problem(subject: str, key: dg.AssetCheckKey, evaluation: dg.AssetCheckEvaluation) -> Problem:
    shown = {name: str(value.value) for name, value in evaluation.metadata.items()}
    condition = CONDITIONS.get(key.name)
    lines = [condition.description] if condition else []
    lines += [f"{name}: {value}" for name, value in shown.items()]
    severity = "" if evaluation.severity is dg.AssetCheckSeverity.ERROR else " (warning)"
    return Problem(
        subject,
        f"{subject} fails{severity}",
        "\n".join(lines) or "It fails.",
        shown.get(SOURCES, shown.get("incomplete", "")),
        {"asset": key.asset_key.to_user_string(), "check": key.name, "severity": evaluation.severity.value},
    )
