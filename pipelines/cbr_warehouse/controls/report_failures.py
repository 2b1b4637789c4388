"""Reports failing controls through ``alerts``: when the set of them changes, not with every check."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from cbr_warehouse.alerts.channels import deliver, open_channels
from cbr_warehouse.alerts.log import AlertLog, Problem, parse_log, print_log
from cbr_warehouse.controls.describe import describe
from cbr_warehouse.controls.outcome import Outcome, Verdict
from cbr_warehouse.errors import StorageError
from cbr_warehouse.settings.alerts import Alerts
from cbr_warehouse.storage.atomic_write import read_file, write_bytes

KEY = "check"


def report_failures(
    outcomes: Sequence[Outcome],
    settings: Alerts,
    environ: Mapping[str, str],
    memory: Path,
    now: datetime,
) -> tuple[str, ...]:
    """Sends one alert where other controls fail than at the last check, or none does any more.

    A set that stays the same is reported again after ``[alerts] repeat``. What a channel did not take is sent
    again at the next check.

    Args:
        outcomes: The outcomes of all controls.
        settings: The table ``[alerts]``; without a webhook and addresses, nothing happens.
        environ: The environment, where secrets are.
        memory: The file that says what was reported.
        now: The time of the check, UTC.

    Returns:
        Why channels did not take alerts.

    Raises:
        SettingsError: A secret of a channel cannot be had.
        StorageError: The file cannot be read or written.
    """
    channels = open_channels(settings, environ)
    if not channels:
        return ()
    names = tuple(channel.name for channel in channels)
    log = _read(memory)
    failing = [one for one in outcomes if one.verdict is Verdict.FAIL]
    if failing:
        updated = log.failing(_problem(failing), now, settings.repeat, names)
    else:
        updated = log.recovered(KEY, now, names)
    left, failures = deliver(updated, channels)
    if left != log:
        write_bytes(memory, print_log(left).encode())
    return failures


def _problem(failing: Sequence[Outcome]) -> Problem:
    names = ", ".join(one.control.name for one in failing)
    count = "1 control fails" if len(failing) == 1 else f"{len(failing)} controls fail"
    lines = [f"{one.control.title}: {describe(one)}" for one in failing]
    text = "\n".join([*lines, "'cbr-warehouse check --format json' has all of the evidence."])
    return Problem(
        KEY, f"{count}: {names}", text, names, {one.control.name: str(one.failing) for one in failing}
    )


def _read(memory: Path) -> AlertLog:
    content = read_file(memory)
    try:
        return parse_log(None if content is None else content.decode())
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{memory}: cannot be read ({type(error).__name__}). Remove it: failing controls are then "
            "reported once more."
        ) from error
