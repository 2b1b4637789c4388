-- Question: when did each policy run?
-- Grain: one row per source, schedule and run. Every view that speaks of runs reads this table.
-- Definition: a run is a series of scheduled backup tasks of one schedule. The next task belongs to the same run while it
--   is created at most `run_gap` after the task before, or has the checkpoint_id of a task of that series. A series of
--   an hour or more is split into runs where a resource (of a vault) is tried again at least `run_gap` after its
--   attempt before: its n-th attempt in the series starts the n-th run at the latest. A task belongs to the newest run
--   of its schedule that started at or before its creation. slot_local is the start of the run on the source's local
--   clock, rounded down to a quarter of an hour.
-- Settings: run_gap, timezone (of the source, else the global one)
-- Edge cases: a vault that takes three hours to create its tasks has one run, as long as no two of its tasks are more than
--   `run_gap` apart or they share a checkpoint. A policy of several vaults has one run where their tasks follow each
--   other within `run_gap`.
-- Columns:
--   source: Name of the configured source.
--   schedule_id: Policy id, or "vault:ID".
--   run_started_at: When the first task of the run was created.
--   last_created_at: When the last task of the run was created.
--   slot_local: Start of the run, local, rounded down to a quarter of an hour.
WITH item AS (
    -- The tasks of one checkpoint, or those without a checkpoint of one minute: few rows to order in time.
    SELECT source, schedule_id, min(created_at) AS begins_at, max(created_at) AS ends_at
    FROM touched_schedules
    GROUP BY
        source,
        schedule_id,
        nullif(checkpoint_id, ''),
        CASE WHEN nullif(checkpoint_id, '') IS NULL THEN time_bucket(INTERVAL 1 MINUTE, created_at) END
),

marked AS (
    SELECT
        i.*,
        i.begins_at > max(i.ends_at) OVER (
            PARTITION BY i.source, i.schedule_id
            ORDER BY i.begins_at ASC, i.ends_at ASC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) + to_seconds(epoch(s.run_gap)) AS is_apart
    FROM item AS i
    CROSS JOIN analytics.settings AS s
),

numbered AS (
    SELECT
        *,
        count(*) FILTER (is_apart) OVER (
            PARTITION BY source, schedule_id ORDER BY begins_at ASC, ends_at ASC ROWS UNBOUNDED PRECEDING
        ) AS series
    FROM marked
),

series AS (
    SELECT source, schedule_id, series, min(begins_at) AS begins_at, max(ends_at) AS ends_at
    FROM numbered
    GROUP BY source, schedule_id, series
),

repeated AS (
    SELECT
        s.source,
        s.schedule_id,
        s.series,
        a.created_at,
        a.task_id,
        a.vault_id,
        coalesce(a.resource_id, a.task_id) AS resource_id,
        a.created_at >= lag(a.created_at) OVER (
            PARTITION BY s.source, s.schedule_id, s.series, a.vault_id, coalesce(a.resource_id, a.task_id)
            ORDER BY a.created_at ASC, a.task_id ASC
        ) + to_seconds(epoch(g.run_gap)) AS is_again
    FROM series AS s
    CROSS JOIN analytics.settings AS g
    JOIN touched_schedules AS a
        ON a.source = s.source AND a.schedule_id = s.schedule_id
        AND a.created_at >= s.begins_at AND a.created_at <= s.ends_at
    WHERE s.ends_at >= s.begins_at + INTERVAL 1 HOUR
),

counted AS (
    SELECT
        source,
        schedule_id,
        series,
        created_at,
        task_id,
        count(*) FILTER (is_again) OVER (
            PARTITION BY source, schedule_id, series, vault_id, resource_id
            ORDER BY created_at ASC, task_id ASC ROWS UNBOUNDED PRECEDING
        ) AS times
    FROM repeated
),

assigned AS (
    SELECT
        source,
        schedule_id,
        series,
        created_at,
        max(times) OVER (
            PARTITION BY source, schedule_id, series ORDER BY created_at ASC, task_id ASC ROWS UNBOUNDED PRECEDING
        ) AS run
    FROM counted
),

run AS (
    SELECT source, schedule_id, begins_at AS run_started_at, ends_at AS last_created_at
    FROM series
    WHERE ends_at < begins_at + INTERVAL 1 HOUR
    UNION ALL
    SELECT source, schedule_id, min(created_at), max(created_at)
    FROM assigned
    GROUP BY source, schedule_id, series, run
)

SELECT
    r.source,
    r.schedule_id,
    r.run_started_at,
    r.last_created_at,
    time_bucket(INTERVAL 15 MINUTE, timezone(c.timezone, r.run_started_at)) AS slot_local
FROM run AS r
JOIN analytics.source_clock AS c ON c.source = r.source
