"""SQL of what the iCalendar rule of a policy says.

The vendor allows FREQ, INTERVAL, BYDAY, BYHOUR and BYMINUTE. Times are UTC, whatever the policy's time zone:
that is of its retention alone (SDK, ``PolicyTriggerPropertiesResp``).
"""

_RULE = "upper(regexp_replace(element_key, '\\s+|^RRULE:|;+$', '', 'gi'))"
"""The rule without spaces, in capitals."""

_PART = (
    "(?:FREQ=(?:DAILY|WEEKLY)|INTERVAL=0*[1-9][0-9]{0,3}|BYDAY=(?:MO|TU|WE|TH|FR|SA|SU)(?:,(?:MO|TU|WE|TH|FR|SA|SU))*|"
    "BYHOUR=(?:[01]?[0-9]|2[0-3])(?:,(?:[01]?[0-9]|2[0-3]))*|BYMINUTE=[0-5]?[0-9](?:,[0-5]?[0-9])*)"
)
"""A part of a rule that is understood."""

_WEEKDAYS = "['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']"


def _numbers(name: str) -> str:
    listed = f"regexp_extract_all(regexp_extract({_RULE}, '{name}=([0-9,]+)', 1), '[0-9]+')"
    sorted_numbers = f"list_sort(list_distinct(list_transform({listed}, lambda n: TRY_CAST(n AS INTEGER))))"
    return f"nullif(array_to_string({sorted_numbers}, ','), '')"


def _weekdays() -> str:
    listed = f"regexp_extract_all(regexp_extract({_RULE}, 'BYDAY=([A-Z,]+)', 1), '[A-Z]+')"
    numbers = f"list_transform({listed}, lambda d: list_position({_WEEKDAYS}, d))"
    return f"nullif(array_to_string(list_sort(list_distinct({numbers})), ','), '')"


RULE_COLUMNS = {
    "frequency": f"nullif(regexp_extract({_RULE}, 'FREQ=([A-Z]+)', 1), '')",
    "every": f"coalesce(TRY_CAST(nullif(regexp_extract({_RULE}, 'INTERVAL=([0-9]+)', 1), '') AS BIGINT), 1)",
    "weekdays": _weekdays(),
    "hours": _numbers("BYHOUR"),
    "minutes": f"coalesce({_numbers('BYMINUTE')}, CASE WHEN {_RULE} NOT LIKE '%BYMINUTE%' THEN '0' END)",
    "is_understood": (
        f"regexp_full_match({_RULE}, '{_PART}(?:;{_PART})*') AND {_RULE} LIKE '%FREQ=%' "
        f"AND {_RULE} LIKE '%BYHOUR=%' AND ({_RULE} LIKE '%FREQ=DAILY%' OR {_RULE} LIKE '%BYDAY=%')"
    ),
}
"""SQL of each column of ``policy_schedules`` that follows from the rule, over ``element_key``."""
