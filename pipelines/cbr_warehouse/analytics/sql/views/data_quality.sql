-- Question: what are the numbers of each source based on, and what may be missing or odd?
-- Grain: one row per source with a load of any outcome.
-- Definition: watermark is the time up to which the source was loaded (source_load). analytics.as_of is the earliest
--   watermark of the included sources. A source is excluded if its watermark is more than 30 days (what the service keeps)
--   behind the newest one: it is no longer configured, or its loads have failed for long. Its past stays; its resources are
--   judged up to its own watermark and are in no number about now. is_complete: there is a complete day, and no day of the
--   lookback is incomplete, unverified or lost. counted_minus_held sums, over all days, the positive differences between
--   what the source counts and what is stored (not expired) or in quarantine.
-- Settings: lookback
-- Edge cases: a load that was killed is not finished. Today is open, not incomplete. The day counts are over all history,
--   is_complete over the lookback. Odd records are counted, not corrected: a negative wait is taken as zero, a task that
--   ended before it started has no duration, an unknown status is no success.
-- Columns:
--   source: Name of the configured source.
--   watermark: Time up to which it was loaded; NULL before its first finished load.
--   last_load_at: Start of its last load, of any outcome.
--   last_load_outcome: Outcome of that load.
--   newest_task_at: created_at of the newest task stored.
--   hours_since_data: From newest_task_at to watermark, at least 0.
--   hours_behind: From its watermark to the latest watermark of any source.
--   is_included: Whether analytics.as_of waits for it; false where it is excluded or has no watermark.
--   holds_back: Whether its watermark is analytics.as_of while another source's is later.
--   tasks: Tasks stored.
--   open_tasks: Of them running or waiting.
--   unknown_status: Of them in an unknown status.
--   closed_without_end: Of them ok or failed without ended_at.
--   negative_duration: Of them with ended_at before started_at.
--   wait_clamped: Of them with started_at before created_at.
--   tasks_without_resource: Backup tasks that name no resource; they are in no number by resource.
--   failures_without_code: Failed tasks without an error code.
--   quarantined: Records in quarantine that are not resolved.
--   days_complete: Days with the state complete.
--   days_incomplete: Days with the state incomplete: the source has more.
--   days_unverified: Days with the state unverified: their counts prove nothing, or they were never loaded.
--   days_lost: Days with the state lost: they left retention before they were proved complete.
--   days_open: Days with the state open.
--   counted_minus_held: Tasks that the source counts and that are neither stored nor in quarantine.
--   first_day: First day of day_state.
--   is_complete: Whether no day of the lookback is incomplete, unverified or lost.
WITH task AS (
    SELECT
        source,
        count(*) AS tasks,
        max(created_at) AS newest_task_at,
        count(*) FILTER (outcome = 'open') AS open_tasks,
        count(*) FILTER (outcome = 'unknown') AS unknown_status,
        count(*) FILTER (outcome IN ('ok', 'fail') AND ended_at IS NULL) AS closed_without_end,
        count(*) FILTER (ended_at < started_at) AS negative_duration,
        count(*) FILTER (is_wait_clamped) AS wait_clamped,
        count(*) FILTER (operation_type = 'backup' AND resource_id IS NULL) AS tasks_without_resource,
        count(*) FILTER (outcome = 'fail' AND error_code IS NULL) AS failures_without_code
    FROM analytics.attempt
    GROUP BY source
),

day AS (
    SELECT
        v.source,
        count(*) FILTER (v.state = 'complete') AS days_complete,
        count(*) FILTER (v.state = 'incomplete') AS days_incomplete,
        count(*) FILTER (v.state = 'unverified') AS days_unverified,
        count(*) FILTER (v.state = 'lost') AS days_lost,
        count(*) FILTER (v.state = 'open') AS days_open,
        coalesce(sum(greatest(0, v.counted - (v.held - v.expired) - v.quarantined)), 0)::BIGINT AS counted_minus_held,
        min(v.day) AS first_day,
        count(*) FILTER (
            v.state IN ('incomplete', 'unverified', 'lost')
            AND v.day >= timezone('UTC', o.as_of - to_seconds(epoch(s.lookback)))::DATE
            AND v.day <= timezone('UTC', o.as_of)::DATE
        ) AS days_doubtful
    FROM analytics.day_state AS v
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    GROUP BY v.source
)

SELECT
    l.source,
    l.watermark,
    l.last_load_at,
    l.last_load_outcome,
    t.newest_task_at,
    CASE WHEN t.newest_task_at < l.watermark THEN (epoch_us(l.watermark) - epoch_us(t.newest_task_at)) / 3600000000
        WHEN l.watermark IS NOT NULL AND t.newest_task_at IS NOT NULL THEN 0 END AS hours_since_data,
    (epoch_us(max(l.watermark) OVER ()) - epoch_us(l.watermark)) / 3600000000 AS hours_behind,
    coalesce(w.is_included, false) AS is_included,
    coalesce(w.is_included AND w.watermark = o.as_of AND max(l.watermark) OVER () > o.as_of, false) AS holds_back,
    coalesce(t.tasks, 0) AS tasks,
    coalesce(t.open_tasks, 0) AS open_tasks,
    coalesce(t.unknown_status, 0) AS unknown_status,
    coalesce(t.closed_without_end, 0) AS closed_without_end,
    coalesce(t.negative_duration, 0) AS negative_duration,
    coalesce(t.wait_clamped, 0) AS wait_clamped,
    coalesce(t.tasks_without_resource, 0) AS tasks_without_resource,
    coalesce(t.failures_without_code, 0) AS failures_without_code,
    l.quarantined,
    coalesce(d.days_complete, 0) AS days_complete,
    coalesce(d.days_incomplete, 0) AS days_incomplete,
    coalesce(d.days_unverified, 0) AS days_unverified,
    coalesce(d.days_lost, 0) AS days_lost,
    coalesce(d.days_open, 0) AS days_open,
    coalesce(d.counted_minus_held, 0) AS counted_minus_held,
    d.first_day,
    coalesce(d.days_doubtful = 0 AND d.days_complete > 0, false) AS is_complete
FROM analytics.source_load AS l
CROSS JOIN analytics.as_of AS o
LEFT JOIN analytics.source_watermark AS w USING (source)
LEFT JOIN task AS t USING (source)
LEFT JOIN day AS d USING (source)
