"""The schedule of a policy as the API prints it: rules of iCalendar in UTC, one for each time of the day."""

from datetime import datetime, timedelta

from cbr_emulator.estate.model import EVERY_DAY, Vault

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def schedule_rules(vault: Vault, now: datetime, later_hours: int = 0) -> list[str]:
    """The rules that are in effect at a time.

    The API has no time zone for schedules: rules are in UTC, so that a policy that runs in local time has
    other rules in summer than in winter.

    Args:
        vault: The vault whose policy it is.
        now: The time, UTC.
        later_hours: How many hours after the backups.
    """
    offset = now.astimezone(vault.zone).utcoffset() or timedelta()
    rules = []
    for hour in vault.hours_at(now):
        in_utc = (hour + later_hours) * 60 - offset // timedelta(minutes=1)
        weekdays = tuple(sorted((day + in_utc // 1440) % 7 for day in vault.weekdays_at(now)))
        rules.append(_rule(weekdays, in_utc % 1440 // 60, in_utc % 60))
    return rules


def _rule(weekdays: tuple[int, ...], hour: int, minute: int) -> str:
    if weekdays == EVERY_DAY:
        return f"FREQ=DAILY;INTERVAL=1;BYHOUR={hour};BYMINUTE={minute:02}"
    return f"FREQ=WEEKLY;BYDAY={','.join(DAYS[day] for day in weekdays)};BYHOUR={hour};BYMINUTE={minute:02}"
