-- Question: which backups that a policy should have made were never tried, or skipped?
-- Grain: one row per source, schedule, resource and expected slot of the lookback without a real attempt.
-- Definition: the expected slots of each schedule (schedule_slot) on every local day of the lookback; a resource
--   meets a slot with a scheduled attempt created in the hour that begins with it. kind is skipped where all
--   its attempts then were skipped, no_attempt where there was none. A resource is expected from its first
--   attempt under the schedule until its removal, or, when it has since run under another schedule, until its
--   last attempt under this one. is_policy_silent: no resource of the schedule was tried at that slot.
-- Settings: timezone, lookback
-- Edge cases: the schedule is inferred from the log (basis), since the log does not tell policies. Slots go by
--   the local clock: one that the change to summer time leaves out is not expected, one that the change back
--   repeats is expected once, at either. Only slots over an hour old at analytics.as_of (at
--   the watermark of a source left out of it) count. Slots before a
--   schedule first ran at that time of day, and those after it moved to a new time of day (seen on two days
--   since), are not expected. A policy that was switched off looks silent from then on. Slots on UTC days that
--   were lost or never loaded are left out; day_state tells the rest.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   vault_id: Newest vault.
--   vault_name: Its name.
--   policy_id: Policy of the schedule; NULL where its id is not told.
--   schedule_id: Schedule: policy id, or "vault:<id>".
--   slot_at: When the backup should have begun.
--   slot_local: The same on a clock of the set time zone.
--   backup_day: Backup day of the slot.
--   kind: no_attempt or skipped.
--   is_policy_silent: Whether no resource of the schedule was tried at the slot.
--   basis: Where the expectation is from: inferred.
--   day_state: What is proved of the UTC day of the slot (coverage.state).
WITH clock AS (
    SELECT
        s.timezone,
        s.day_anchor,
        o.as_of,
        o.as_of - to_seconds(epoch(s.lookback)) AS from_at
    FROM analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    WHERE o.as_of IS NOT NULL
),

local_day AS (
    -- To a day past the last local one, whatever the time zone, else the newest slots would be left out.
    SELECT unnest(generate_series(
        timezone(timezone, from_at)::DATE - 1, timezone(timezone, as_of)::DATE + 1, INTERVAL 1 DAY
    ))::DATE AS day
    FROM clock
),

member AS MATERIALIZED (
    -- Numbered, like slots: a million of them are matched, which numbers do faster than names.
    SELECT *, row_number() OVER () AS member_no
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

seen AS (
    SELECT
        source,
        schedule_id,
        slot::TIME AS time_of_day,
        min(slot) AS first_seen,
        max(slot) AS last_seen,
        count(*) AS days
    FROM (
        SELECT DISTINCT a.source, a.schedule_id, time_bucket(INTERVAL 15 MINUTE, a.created_local) AS slot
        FROM analytics.attempt AS a
        CROSS JOIN clock AS c
        WHERE a.operation_type = 'backup' AND a.schedule_id IS NOT NULL
            AND a.created_at > c.as_of - INTERVAL 840 HOUR AND a.created_at < c.as_of
    )
    GROUP BY ALL
),

moved AS (
    SELECT source, schedule_id, max(first_seen) AS newest_time_since
    FROM seen
    WHERE days >= 2
    GROUP BY ALL
),

slot AS (
    SELECT
        e.source,
        e.schedule_id,
        d.day + e.time_of_day AS slot_local,
        timezone(c.timezone, d.day + e.time_of_day) AS slot_at,
        (d.day + e.time_of_day - c.day_anchor)::DATE AS backup_day
    FROM analytics.schedule_slot AS e
    CROSS JOIN clock AS c
    JOIN local_day AS d ON isodow(d.day) = e.weekday
    JOIN seen AS n USING (source, schedule_id, time_of_day)
    LEFT JOIN moved AS m USING (source, schedule_id)
    WHERE e.is_expected
        AND slot_at >= c.from_at
        AND slot_at + INTERVAL 1 HOUR < c.as_of
        AND timezone(c.timezone, slot_at) = slot_local
        AND slot_local >= n.first_seen
        AND (slot_local <= n.last_seen OR coalesce(m.newest_time_since <= n.last_seen, true))
),

covered_slot AS MATERIALIZED (
    SELECT s.*, v.state AS day_state, row_number() OVER () AS slot_no
    FROM slot AS s
    LEFT JOIN coverage AS v ON v.source = s.source AND v.day = timezone('UTC', s.slot_at)::DATE
    WHERE v.state IS NULL OR (v.state <> 'lost' AND v.checked_at IS NOT NULL)
),

quarter AS (
    SELECT
        source,
        schedule_id,
        slot_no,
        slot_local + unnest([0, 1, 2, 3]) * INTERVAL 15 MINUTE AS created_quarter
    FROM covered_slot
),

tried AS MATERIALIZED (
    SELECT m.member_no, q.slot_no, a.outcome = 'skip' AS is_skip
    FROM analytics.attempt AS a
    CROSS JOIN clock AS c
    JOIN quarter AS q
        ON q.source = a.source AND q.schedule_id = a.schedule_id
        AND q.created_quarter = time_bucket(INTERVAL 15 MINUTE, a.created_local)
    JOIN member AS m
        ON m.source = a.source AND m.schedule_id = a.schedule_id AND m.resource_id = a.resource_id
    WHERE a.operation_type = 'backup' AND a.created_at >= c.from_at
),

missed AS (
    SELECT m.member_no, s.slot_no
    FROM member AS m
    JOIN analytics.resource AS r ON r.source = m.source AND r.resource_id = m.resource_id
    JOIN covered_slot AS s ON s.source = m.source AND s.schedule_id = m.schedule_id
    WHERE s.slot_local >= time_bucket(INTERVAL 15 MINUTE, m.first_local)
        AND coalesce(s.slot_at < r.removed_at, true)
        AND coalesce(s.slot_at + INTERVAL 1 HOUR < r.not_loaded_since, true)
        AND (m.schedule_id = r.schedule_id OR s.slot_local <= m.last_local)
        AND NOT EXISTS (
            SELECT 1 FROM tried AS t WHERE t.member_no = m.member_no AND t.slot_no = s.slot_no AND NOT t.is_skip)
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
    'inferred' AS basis,
    s.day_state
FROM missed AS e
JOIN member AS m USING (member_no)
JOIN covered_slot AS s USING (slot_no)
JOIN analytics.resource AS r ON r.source = m.source AND r.resource_id = m.resource_id
LEFT JOIN (SELECT DISTINCT member_no, slot_no FROM tried WHERE is_skip) AS k USING (member_no, slot_no)
LEFT JOIN (SELECT DISTINCT slot_no FROM tried) AS u USING (slot_no)
