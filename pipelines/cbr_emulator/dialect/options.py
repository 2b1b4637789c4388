"""Options of ``--dialect``: names, values and descriptions for users.

How a value takes effect is implemented where it is used: ``server.list_endpoint`` (requests),
``dialect.serialize`` (records) and ``dialect.late_and_edited`` (changes over time).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One behaviour that the API's documentation leaves open.

    Attributes:
        name: Key of the option.
        values: Allowed values, the default first; empty for a number or a duration.
        meaning: Description for users.
        form: Notation of the value where ``values`` is empty.
    """

    name: str
    values: tuple[str, ...]
    meaning: str
    form: str = ""

    def usage(self) -> str:
        """The key with its allowed values."""
        return f"{self.name}={'|'.join(self.values) or self.form}"


OPTIONS: dict[str, tuple[Option, ...]] = {
    "Requests": (
        Option("order", ("created_at", "updated_at", "started_at", "id"), "Column that rows are sorted by."),
        Option("direction", ("desc", "asc"), "Descending or ascending."),
        Option(
            "filter",
            ("created_at", "started_at", "updated_at", "started_ended"),
            "Column that start_time and end_time filter; started_ended compares start_time with started_at "
            "and end_time with ended_at, which excludes open tasks. A row without the time is left out.",
        ),
        Option("bounds", ("inclusive", "exclusive"), "Whether a row exactly at a bound is in the window."),
        Option("max_limit", (), "Maximum rows of a page. Default 1000.", "1..1000"),
        Option(
            "over_limit",
            ("clamp", "default", "refuse"),
            "A limit above max_limit is answered with max_limit rows, with default_limit rows (10, where "
            "none is set), or with 400.",
        ),
        Option(
            "default_limit", (), "Rows of a page without a limit parameter. Default: max_limit.", "1..1000"
        ),
        Option(
            "count",
            ("all", "page"),
            "Whether count is the number of matching tasks or of the rows on the page.",
        ),
        Option("offset_base", ("0", "1"), "Offset of the first row."),
        Option(
            "names",
            ("exact", "fuzzy"),
            "Whether vault_name and resource_name must match exactly or as a substring.",
        ),
        Option(
            "provider_default",
            ("none", "server_disk"),
            "Providers in a list without a provider_id filter: all, or servers and disks only.",
        ),
    ),
    "Records": (
        Option(
            "times",
            ("naive", "z", "offset", "seconds"),
            "2026-01-31T12:00:00.123456, the same with Z, 2026-01-31T12:00:00.123+00:00, or "
            "2026-01-31T12:00:00Z.",
        ),
        Option(
            "nulls",
            ("null", "absent", "empty"),
            'A field without a value is null, absent, or "".',
        ),
        Option(
            "error_info",
            ("texts", "null", "absent"),
            "Without an error, error_info has two empty strings, is null, or is absent.",
        ),
        Option(
            "incremental",
            ("bool", "string", "quoted", "number"),
            'backup.incremental is true, "true", "\\"true\\"" with quotes inside, or 1.',
        ),
        Option(
            "app_consistency",
            ("present", "null", "absent"),
            "The three app_consistency_ fields have their values, are null, or are absent.",
        ),
        Option(
            "numbers",
            ("number", "string", "decimal"),
            'Progress and counters are 55, "55" or 55.0.',
        ),
        Option(
            "counters",
            ("short", "long"),
            "vault_delete has fail_count and total_count, or fail_delete_count and total_delete_count.",
        ),
        Option("fail_count", ("number", "list"), "A number, or the ids of what failed."),
        Option("task_id", ("present", "absent"), "Whether records have extra_info.common.task_id."),
        Option("replication", ("present", "absent"), "Whether records have extra_info.replication."),
        Option(
            "volumes",
            ("both", "excluded"),
            "Whether a resource has include_volumes in addition to exclude_volumes.",
        ),
        Option(
            "update_expiration_time",
            ("absent", "present"),
            "Whether tasks of types delete and sync have the block extra_info.update_expiration_time.",
        ),
        Option(
            "extra_info",
            ("present", "absent", "null"),
            "If extra_info would contain common only, it is present, absent, or null.",
        ),
        Option(
            "statuses",
            ("documented", "undocumented"),
            "Whether one task in ten is queued where others are waiting, and ends as partial_success where "
            "others succeed, else as cancelled. Tasks of episodes are excluded.",
        ),
        Option(
            "operation_types",
            ("documented", "undocumented"),
            "Whether one task in ten is of type archive or verify. Tasks of episodes are excluded.",
        ),
        Option(
            "resource_types",
            ("documented", "undocumented"),
            "Whether one resource in ten is an OS::Dws::Cluster or an OS::Cce::Volume.",
        ),
        Option("unknown", ("absent", "present"), "Whether records have undocumented fields."),
        Option("echo", ("absent", "present"), "Whether a list response repeats limit and offset."),
    ),
    "Changes over time": (
        Option(
            "retention",
            (),
            "How long after its creation a task is served. Default 30d; none with --records.",
            "SPAN|none",
        ),
        Option(
            "late",
            (),
            "Share of tasks that appear later than their created_at. Default 0.",
            "SHARE",
        ),
        Option("late_by", (), "Maximum delay of late tasks. Default 6h.", "SPAN"),
        Option("edited", (), "Share of tasks that change within 48 h after their end. Default 0.", "SHARE"),
        Option("edits", ("dated", "silent"), "Whether updated_at changes as well."),
        Option("tick", (), "How far each task request advances the clock. Default 0s.", "SPAN"),
    ),
}
"""All options, grouped by heading."""

ALLOWED = {one.name: one.values for group in OPTIONS.values() for one in group if one.values}
"""Allowed values of each option that has a list, the default first."""


def describe() -> str:
    """All options with their values, the default first."""
    return ", ".join(one.usage() for group in OPTIONS.values() for one in group)
