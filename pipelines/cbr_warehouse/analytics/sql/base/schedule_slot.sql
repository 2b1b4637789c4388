-- Question: at which times of the week does a policy start its backups?
-- Grain: one row per source, schedule and time of the week at which it was seen to start, in the 35 days before
--   analytics.as_of.
-- Definition: a run is the first task of a schedule in 15 minutes; its slot is that quarter of an hour, on a
--   clock of the set time zone. A slot is expected where the schedule ran at it in at least half of the weeks
--   between its first and its last run that have that weekday.
-- Settings: timezone
-- Edge cases: inferred from the log, since the log does not tell policies. With less than a week seen, only
--   the weekdays seen are expected. A policy changed within the 35 days shows slots of both, those of the
--   old one as long as it filled half of the weeks.
-- Columns:
--   source: Name of the configured source.
--   schedule_id: Policy id, or "vault:<id>".
--   weekday: ISO day of the week, 1 is Monday.
--   time_of_day: Local time, in steps of 15 minutes.
--   seen: Runs at this slot.
--   possible: Such weekdays between the schedule's first and last run.
--   is_expected: Whether the schedule counts on it.
--   first_run_at: First run of the schedule seen, local.
--   last_run_at: Last run of the schedule seen, local.
WITH quarter AS (
    SELECT DISTINCT a.source, a.schedule_id, time_bucket(INTERVAL 15 MINUTE, a.created_local) AS slot
    FROM analytics.attempt AS a
    CROSS JOIN analytics.as_of AS o
    WHERE a.operation_type = 'backup' AND a.schedule_id IS NOT NULL AND a.created_at > o.as_of - INTERVAL 35 DAY
        AND a.created_at < o.as_of
),

run AS (
    SELECT *
    FROM quarter
    QUALIFY coalesce(slot - lag(slot) OVER (PARTITION BY source, schedule_id ORDER BY slot), INTERVAL 1 DAY)
        > INTERVAL 15 MINUTE
),

span AS (
    SELECT source, schedule_id, min(slot) AS first_run_at, max(slot) AS last_run_at
    FROM run
    GROUP BY ALL
),

slot AS (
    SELECT source, schedule_id, isodow(slot) AS weekday, slot::TIME AS time_of_day, count(*) AS seen, min(slot) AS first
    FROM run
    GROUP BY ALL
)

SELECT
    l.source,
    l.schedule_id,
    l.weekday,
    l.time_of_day,
    l.seen,
    -- Weekdays from the first on which it could have run to the last.
    1 + (s.last_run_at::DATE - (s.first_run_at::DATE + ((l.weekday - isodow(s.first_run_at) + 7) % 7)::INTEGER)) // 7
        AS possible,
    l.seen >= 0.5 * possible AS is_expected,
    s.first_run_at,
    s.last_run_at
FROM slot AS l
JOIN span AS s USING (source, schedule_id)
