-- Question: which backups that a policy should have made were never tried, or skipped?
-- Grain: one row per source, schedule, resource and expected slot of the lookback without a real attempt.
-- Definition: from the first snapshot of the inventory that saw a policy, the starts that its rules plan, while it is enabled
--   (inventory_policy_period: basis policy). Before, without an inventory, and while its rules are not understood or do not
--   run each week: the expected slots of the schedule (schedule_slot) on every local day of the lookback, from
--   expected_from to expected_until (basis inferred). A run (schedule_run) meets a slot if its slot_local lies in the hour
--   that begins with the slot, or with the quarter of an hour in which a planned start lies. A
--   resource meets it with a scheduled attempt of such a run that is not skipped, however late in the run it was created.
--   kind is skipped where all its attempts in such runs were skipped, no_attempt where it has none. A resource is expected
--   from its first attempt under the schedule until its removal or, where it now runs under another schedule, until its
--   last attempt under this one. is_policy_silent: no run of the schedule meets the slot.
-- Settings: timezone, day_anchor (of the source, else the global ones), lookback, run_gap
-- Edge cases: the log does not contain the policies: without an inventory all are inferred. Between the last snapshot that
--   saw rules of a policy and the first with others, nothing is expected of it. Inferred slots follow the local clock: one that the change to summer time leaves out is not expected, one that the change back repeats is expected
--   once, at either. A slot counts once it is over an hour old at analytics.as_of (at the watermark of a source excluded
--   from it) and no run that meets it created a task in the last `run_gap` before. A policy that was switched off is silent
--   from then on. Slots on UTC days that are lost or were never loaded have no row; day_state says what is known of the
--   others.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   vault_id: Newest vault.
--   vault_name: Its name.
--   policy_id: Policy of the schedule; NULL where its id is missing.
--   schedule_id: Schedule: policy id, or "vault:ID".
--   slot_at: When the backup should have begun.
--   slot_local: The same on the source's local clock.
--   backup_day: Backup day of the slot.
--   kind: no_attempt or skipped.
--   is_policy_silent: Whether no run of the schedule meets the slot.
--   basis: Origin of the expectation: policy or inferred.
--   day_state: State of the UTC day of the slot (day_state.state); NULL where the table has no row for it.
WITH clock AS (
    SELECT
        c.source,
        c.timezone,
        c.day_anchor,
        coalesce(w.observed_until, o.as_of) AS until_at,
        o.as_of - to_seconds(epoch(s.lookback)) AS from_at
    FROM analytics.source_clock AS c
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    LEFT JOIN analytics.source_watermark AS w ON w.source = c.source
    WHERE o.as_of IS NOT NULL
),

local_day AS (
    -- A day more on each side: the newest slots lie on the next local day in some time zones.
    SELECT source, unnest(generate_series(
        timezone(timezone, from_at)::DATE - 1, timezone(timezone, until_at)::DATE + 1, INTERVAL 1 DAY
    ))::DATE AS day
    FROM clock
),

member AS MATERIALIZED (
    -- Numbered, like schedules, runs and slots: a million are matched, which is twice as fast by number as by name.
    SELECT
        *,
        row_number() OVER () AS member_no,
        dense_rank() OVER (ORDER BY source ASC, schedule_id ASC) AS schedule_no
    FROM (
        SELECT
            source,
            schedule_id,
            resource_id,
            min(created_local) AS first_local,
            max(created_local) AS last_local
        FROM analytics.attempt
        WHERE operation_type = 'backup' AND schedule_id IS NOT NULL AND resource_id IS NOT NULL
        GROUP BY ALL
    )
),

period AS (
    SELECT
        source,
        policy_id AS schedule_id,
        planned_from,
        planned_until,
        lead(planned_from) OVER (PARTITION BY source, policy_id ORDER BY planned_from ASC) AS next_from,
        is_enabled,
        minutes_of_week
    FROM analytics.inventory_policy_period
    WHERE operation_type = 'backup'
),

moment AS (
    -- Each time of each day once, however many schedules run at it: time zones are slow to compute.
    SELECT
        e.source,
        e.weekday,
        e.time_of_day,
        d.day + e.time_of_day AS slot_local,
        timezone(c.timezone, d.day + e.time_of_day) AS slot_at,
        c.day_anchor,
        c.until_at
    FROM (SELECT DISTINCT source, weekday, time_of_day FROM analytics.schedule_slot WHERE is_expected) AS e
    JOIN clock AS c ON c.source = e.source
    JOIN local_day AS d ON d.source = e.source AND isodow(d.day) = e.weekday
    WHERE slot_at >= c.from_at AND slot_at + INTERVAL 1 HOUR < c.until_at AND timezone(c.timezone, slot_at) = slot_local
),

inferred AS (
    SELECT e.source, e.schedule_id, m.slot_local, m.slot_at, m.day_anchor, m.until_at
    FROM analytics.schedule_slot AS e
    JOIN moment AS m ON m.source = e.source AND m.weekday = e.weekday AND m.time_of_day = e.time_of_day
    WHERE e.is_expected
        AND m.slot_local >= e.expected_from
        AND coalesce(m.slot_local <= e.expected_until, true)
),

planned AS (
    SELECT
        p.source,
        p.schedule_id,
        timezone(c.timezone, d.monday + to_minutes(p.at_minute)) AS slot_local,
        d.monday + to_minutes(p.at_minute) AS slot_at,
        c.day_anchor,
        c.until_at
    FROM (
        SELECT source, schedule_id, planned_from, planned_until, unnest(minutes_of_week) AS at_minute
        FROM period
        WHERE is_enabled
    ) AS p
    JOIN clock AS c ON c.source = p.source
    JOIN (
        SELECT source, timezone('UTC', unnest(generate_series(
            date_trunc('week', timezone('UTC', from_at)), timezone('UTC', until_at), INTERVAL 7 DAY
        ))) AS monday
        FROM clock
    ) AS d ON d.source = p.source
    WHERE slot_at >= greatest(c.from_at, p.planned_from)
        AND slot_at + INTERVAL 1 HOUR < c.until_at
        AND coalesce(slot_at <= p.planned_until, true)
),

slot AS (
    SELECT i.*, i.slot_local AS begins_local, 'inferred' AS basis, (i.slot_local - i.day_anchor)::DATE AS backup_day
    FROM inferred AS i
    LEFT JOIN period AS p
        ON p.source = i.source AND p.schedule_id = i.schedule_id
        AND i.slot_at >= p.planned_from AND coalesce(i.slot_at < p.next_from, true)
    WHERE p.source IS NULL
        OR (p.is_enabled AND len(p.minutes_of_week) = 0 AND coalesce(i.slot_at <= p.planned_until, true))
    UNION ALL
    SELECT *, time_bucket(INTERVAL 15 MINUTE, slot_local), 'policy', (slot_local - day_anchor)::DATE
    FROM planned
),

covered_slot AS MATERIALIZED (
    SELECT s.*, n.schedule_no, v.state AS day_state, row_number() OVER () AS slot_no
    FROM slot AS s
    JOIN (SELECT DISTINCT source, schedule_id, schedule_no FROM member) AS n USING (source, schedule_id)
    LEFT JOIN analytics.day_state AS v ON v.source = s.source AND v.day = timezone('UTC', s.slot_at)::DATE
    WHERE v.state IS NULL OR (v.state <> 'lost' AND v.checked_at IS NOT NULL)
),

run AS MATERIALIZED (
    SELECT
        n.schedule_no,
        r.run_started_at,
        r.last_created_at,
        r.slot_local,
        row_number() OVER () AS run_no
    FROM analytics.schedule_run AS r
    JOIN (SELECT DISTINCT source, schedule_id, schedule_no FROM member) AS n
        ON n.source = r.source AND n.schedule_id = r.schedule_id
),

met AS MATERIALIZED (
    SELECT s.slot_no, r.run_no, r.last_created_at >= s.until_at - to_seconds(epoch(g.run_gap)) AS is_running
    FROM (SELECT *, unnest([0, 1, 2, 3]) * INTERVAL 15 MINUTE AS late FROM covered_slot) AS s
    CROSS JOIN analytics.settings AS g
    JOIN run AS r ON r.schedule_no = s.schedule_no AND r.slot_local = s.begins_local + s.late
),

tried AS MATERIALIZED (
    SELECT a.member_no, t.slot_no, a.is_skip
    FROM (
        SELECT a.member_no, a.is_skip, r.run_no
        FROM (
            SELECT m.member_no, m.schedule_no, a.created_at, a.outcome = 'skip' AS is_skip
            FROM analytics.attempt AS a
            JOIN member AS m
                ON m.source = a.source AND m.schedule_id = a.schedule_id AND m.resource_id = a.resource_id
            WHERE a.operation_type = 'backup' AND a.created_at >= (SELECT min(from_at) FROM clock)
        ) AS a
        ASOF JOIN run AS r ON r.schedule_no = a.schedule_no AND a.created_at >= r.run_started_at
    ) AS a
    JOIN met AS t ON t.run_no = a.run_no
),

missed AS (
    SELECT m.member_no, s.slot_no
    FROM member AS m
    JOIN analytics.resource AS r ON r.source = m.source AND r.resource_id = m.resource_id
    JOIN covered_slot AS s ON s.schedule_no = m.schedule_no
    ANTI JOIN (SELECT member_no, slot_no FROM tried WHERE NOT is_skip) AS t
        ON t.member_no = m.member_no AND t.slot_no = s.slot_no
    WHERE s.slot_local >= time_bucket(INTERVAL 15 MINUTE, m.first_local)
        AND coalesce(s.slot_at < r.removed_at, true)
        AND (m.schedule_id = r.schedule_id OR s.slot_local <= m.last_local)
)

SELECT
    m.source,
    m.resource_id,
    r.resource_name,
    r.resource_type,
    r.vault_id,
    r.vault_name,
    CASE WHEN NOT starts_with(m.schedule_id, 'vault:') THEN m.schedule_id END AS policy_id,
    m.schedule_id,
    s.slot_at,
    s.slot_local,
    s.backup_day,
    CASE WHEN k.slot_no IS NULL THEN 'no_attempt' ELSE 'skipped' END AS kind,
    u.slot_no IS NULL AS is_policy_silent,
    s.basis,
    s.day_state
FROM missed AS e
JOIN member AS m USING (member_no)
JOIN covered_slot AS s USING (slot_no)
JOIN analytics.resource AS r ON r.source = m.source AND r.resource_id = m.resource_id
LEFT JOIN (SELECT DISTINCT member_no, slot_no FROM tried WHERE is_skip) AS k USING (member_no, slot_no)
LEFT JOIN (SELECT slot_no, bool_or(is_running) AS is_running FROM met GROUP BY slot_no) AS u USING (slot_no)
WHERE NOT coalesce(u.is_running, false)
