-- Question: how long does each schedule wait between two runs, by the log?
-- Grain: one row per source and schedule whose runs show it.
-- Definition: the longest wait between two neighboring slots that the schedule is now expected to meet (schedule_slot,
--   expected_until NULL), where its runs span at least 8 days (inferred); else the median wait between the starts of
--   neighboring runs (schedule_run, over all history), where there are two (observed).
-- Settings: none
-- Edge cases: inferred from the log, whatever an inventory or [[schedules]] say; analytics.resource decides what figures use.
-- Columns:
--   source: Name of the configured source.
--   schedule_id: Policy id, or "vault:ID".
--   backup_interval: The wait.
--   basis: inferred or observed.
WITH expected AS (
    SELECT
        source,
        schedule_id,
        (weekday - 1) * 1440 + hour(time_of_day) * 60 + minute(time_of_day) AS minute_of_week,
        last_run_at - first_run_at AS seen_for
    FROM analytics.schedule_slot
    WHERE is_expected AND expected_until IS NULL
),

gap AS (
    SELECT
        source,
        schedule_id,
        seen_for,
        coalesce(
            lead(minute_of_week) OVER slots,
            10080 + first_value(minute_of_week) OVER slots
        ) - minute_of_week AS minutes
    FROM expected
    WINDOW slots AS (PARTITION BY source, schedule_id ORDER BY minute_of_week ASC)
),

weekly AS (
    SELECT source, schedule_id, max(minutes) * INTERVAL 1 MINUTE AS backup_interval
    FROM gap
    GROUP BY source, schedule_id
    HAVING any_value(seen_for) >= INTERVAL 8 DAY
),

usual AS (
    SELECT source, schedule_id, to_seconds(median(epoch(wait))) AS backup_interval
    FROM (
        SELECT r.source, r.schedule_id, slot_local - lag(slot_local) OVER (
            PARTITION BY r.source, r.schedule_id ORDER BY r.run_started_at ASC
        ) AS wait
        FROM analytics.schedule_run AS r
        ANTI JOIN weekly AS w ON w.source = r.source AND w.schedule_id = r.schedule_id
    )
    WHERE wait > INTERVAL 0 MINUTE
    GROUP BY source, schedule_id
)

SELECT source, schedule_id, backup_interval, 'inferred' AS basis
FROM weekly
UNION ALL
SELECT source, schedule_id, backup_interval, 'observed' AS basis
FROM usual
