"""What may be chosen of the dialect: every switch with its values and what it does, as users are told.

What the values lead to stands where they are used: requests in ``listing``, records in ``printing``,
lives in ``living``.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Switch:
    """A behaviour that the API's documents leave open.

    Attributes:
        name: Its key.
        values: What may be chosen, the default first; none where a value is a number or a span.
        meaning: What it does.
        form: How a value is written that cannot be chosen from a few.
    """

    name: str
    values: tuple[str, ...]
    meaning: str
    form: str = ""

    def told(self) -> str:
        """The key with its values."""
        return f"{self.name}={'|'.join(self.values) or self.form}"


SWITCHES: dict[str, tuple[Switch, ...]] = {
    "How requests are read": (
        Switch("order", ("created_at", "updated_at", "started_at", "id"), "Column that rows are ordered by."),
        Switch("direction", ("desc", "asc"), "Largest or smallest first."),
        Switch(
            "filter",
            ("created_at", "started_at", "updated_at", "started_ended"),
            "Column that start_time and end_time apply to; started_ended holds start_time against started_at "
            "and end_time against ended_at, so that open tasks vanish. A row without the time is left out.",
        ),
        Switch("bounds", ("inclusive", "exclusive"), "Whether the bounds themselves belong to the window."),
        Switch("max_limit", (), "Most rows of a page. Default 1000.", "1..1000"),
        Switch(
            "over_limit",
            ("clamp", "default", "refuse"),
            "A limit above max_limit is answered with max_limit rows, with default_limit rows (10, where "
            "none is set), or with 400.",
        ),
        Switch(
            "default_limit", (), "Rows of a page where no limit is asked for. Default: max_limit.", "1..1000"
        ),
        Switch("count", ("all", "page"), "Whether count is of all matching tasks or of the page."),
        Switch("offset_base", ("0", "1"), "Which offset is the first row."),
        Switch("names", ("exact", "fuzzy"), "Whether vault_name, resource_name must be equal or contained."),
        Switch(
            "provider_default",
            ("none", "server_disk"),
            "Providers of a list without that filter: all, or servers and disks only.",
        ),
    ),
    "How records are printed": (
        Switch(
            "times",
            ("naive", "z", "offset", "seconds"),
            "2026-01-31T12:00:00.123456, the same with Z, 2026-01-31T12:00:00.123+00:00, or "
            "2026-01-31T12:00:00Z.",
        ),
        Switch(
            "nulls",
            ("null", "absent", "empty"),
            'A field without a value is null, not there at all, or "".',
        ),
        Switch(
            "error_info",
            ("texts", "null", "absent"),
            "Without an error, error_info has two empty texts, is null, or is not there.",
        ),
        Switch(
            "incremental",
            ("bool", "string", "quoted", "number"),
            'backup.incremental is true, "true", "\\"true\\"" with quotes inside, or 1.',
        ),
        Switch(
            "app_consistency",
            ("present", "null", "absent"),
            "The three app_consistency_ fields have their values, are null, or are not there.",
        ),
        Switch(
            "numbers",
            ("number", "string", "decimal"),
            'Progress and counters are 55, "55" or 55.0.',
        ),
        Switch(
            "counters",
            ("short", "long"),
            "vault_delete has fail_count and total_count, or fail_delete_count and total_delete_count.",
        ),
        Switch("fail_count", ("number", "list"), "A number, or the ids of what failed."),
        Switch("task_id", ("present", "absent"), "Whether extra_info.common.task_id is there."),
        Switch("replication", ("present", "absent"), "Whether extra_info.replication is there."),
        Switch(
            "volumes", ("both", "excluded"), "Whether a resource has include_volumes beside exclude_volumes."
        ),
        Switch(
            "update_expiration_time",
            ("absent", "present"),
            "Whether tasks of types delete and sync have the block extra_info.update_expiration_time.",
        ),
        Switch(
            "extra_info",
            ("present", "absent", "null"),
            "Where extra_info would hold nothing but common, it is there, is not there, or is null.",
        ),
        Switch(
            "statuses",
            ("documented", "undocumented"),
            "Whether one task in ten is queued where others are waiting, and ends as partial_success where "
            "others succeed, else as cancelled. A task that an episode names is not.",
        ),
        Switch(
            "operation_types",
            ("documented", "undocumented"),
            "Whether one task in ten is of type archive or verify. A task that an episode names is not.",
        ),
        Switch(
            "resource_types",
            ("documented", "undocumented"),
            "Whether one resource in ten is an OS::Dws::Cluster or an OS::Cce::Volume.",
        ),
        Switch("unknown", ("absent", "present"), "Whether records have fields that no document names."),
        Switch("echo", ("absent", "present"), "Whether a list's body repeats limit and offset."),
    ),
    "How the source lives": (
        Switch(
            "retention",
            (),
            "How long after its creation a task is served. Default 30d; none with --records.",
            "SPAN|none",
        ),
        Switch(
            "late",
            (),
            "Share of tasks that appear only some time after their created_at. Default 0.",
            "SHARE",
        ),
        Switch("late_by", (), "The most that they are late. Default 6h.", "SPAN"),
        Switch("edited", (), "Share of tasks that change within 48 h after their end. Default 0.", "SHARE"),
        Switch("edits", ("dated", "silent"), "Whether updated_at moves with such a change."),
        Switch("tick", (), "How far each request moves the clock on. Default 0s.", "SPAN"),
    ),
}
"""All switches, by what they are about."""

ALLOWED = {one.name: one.values for group in SWITCHES.values() for one in group if one.values}
"""What may be chosen, the default first."""


def describe() -> str:
    """All switches with their values, the default first."""
    return ", ".join(one.told() for group in SWITCHES.values() for one in group)
