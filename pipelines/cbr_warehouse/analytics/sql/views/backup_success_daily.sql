-- Question: on each backup day, how many resources were backed up in the end, and how many at the first attempt?
-- Grain: one row per source and backup day, without gaps, from its first one to that of analytics.as_of (of its watermark,
--   where it is excluded from analytics.as_of) or to its last one with a task, whichever is later.
-- Definition: a window is a resource on a backup day with at least one backup task. Final success rate = protected /
--   (protected + failed + skipped). First-attempt success rate = first_ok / first_verdicts, of the earliest attempt that is
--   ok or failed. Rescue rate = rescued / (failed_first - failed_first_pending). Attempt success rate = attempts_ok /
--   (attempts_ok + attempts_failed), every attempt counted. Scheduled success rate = scheduled_ok / scheduled_ended, of the
--   attempts that a policy started.
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: one success protects a window, so an hourly policy with 1 success of 24 has final success rate 1: it counts in
--   protected_in_part, and the scheduled success rate shows it. pending (an attempt is still open, none ok) and unknown
--   windows are in no denominator. Rates of a day that is not over at analytics.as_of are NULL; its counts are what is
--   known so far. There is no grace: a day is over as soon as the watermark reaches its end, and what is still open
--   then is pending until a later load has seen it end. A retry, also a manual one, makes its window protected and counts
--   once. A day without any task has zeros and NULL rates; resources that were not tried on a day are in
--   missed_backups. A backup belongs to the day of its created_at, also if it ends after midnight or the anchor. Tasks that
--   name no resource are in data_quality only. Removed resources keep their past.
-- Columns:
--   source: Name of the configured source.
--   backup_day: Backup day, from anchor to anchor.
--   starts_at: When it begins.
--   ends_at: When it ends.
--   is_closed: Whether it was over at analytics.as_of: ends_at <= the watermark, with no grace.
--   is_complete: Whether every UTC day it touches has the state complete (day_state).
--   windows: Resources with at least one backup task.
--   protected: Of them backed up.
--   failed: Of them with failures only (timeouts included).
--   skipped: Of them with skipped attempts only.
--   pending: Of them with a task still open and none successful.
--   unknown: Of them with unknown statuses only.
--   final_success_rate: protected / (protected + failed + skipped).
--   first_ok: Windows whose first verdict is ok.
--   first_verdicts: Windows with a first verdict.
--   first_attempt_success_rate: first_ok / first_verdicts.
--   failed_first: Windows whose first verdict is a failure.
--   failed_first_pending: Of them pending.
--   rescued: Of them protected by a later attempt.
--   rescue_rate: rescued / (failed_first - failed_first_pending).
--   attempts: Backup tasks.
--   attempts_ok: Of them successful.
--   attempts_failed: Of them failed or timed out.
--   attempts_open: Of them running or waiting.
--   attempts_skipped: Of them skipped.
--   attempts_unknown: Of them in an unknown status.
--   attempt_success_rate: attempts_ok / (attempts_ok + attempts_failed).
--   protected_in_part: Protected windows with several scheduled attempts of which at least one failed or was skipped.
--   scheduled_ended: Scheduled attempts that are ok, failed or skipped.
--   scheduled_ok: Of them ok.
--   scheduled_success_rate: scheduled_ok / scheduled_ended.
WITH span AS (
    SELECT
        d.source,
        d.first_day,
        coalesce(w.observed_until, o.as_of) AS observed_until,
        greatest(
            d.last_day, (timezone(c.timezone, coalesce(w.observed_until, o.as_of)) - c.day_anchor)::DATE
        ) AS last_day
    FROM (
        SELECT source, min(backup_day) AS first_day, max(backup_day) AS last_day
        FROM analytics.resource_day
        GROUP BY source
    ) AS d
    JOIN analytics.source_clock AS c ON c.source = d.source
    CROSS JOIN analytics.as_of AS o
    LEFT JOIN analytics.source_watermark AS w ON w.source = d.source
),

calendar AS (
    SELECT
        d.source,
        d.backup_day,
        d.observed_until,
        timezone(c.timezone, d.backup_day::TIMESTAMP + c.day_anchor) AS starts_at,
        timezone(c.timezone, (d.backup_day + INTERVAL 1 DAY)::TIMESTAMP + c.day_anchor) AS ends_at
    FROM (
        SELECT source, observed_until, unnest(generate_series(first_day, last_day, INTERVAL 1 DAY))::DATE AS backup_day
        FROM span
    ) AS d
    JOIN analytics.source_clock AS c ON c.source = d.source
),

proved AS (
    SELECT c.source, c.backup_day, count(*) AS days
    FROM calendar AS c
    JOIN analytics.day_state AS v
        ON v.source = c.source AND v.state = 'complete'
        AND v.day BETWEEN timezone('UTC', c.starts_at)::DATE
        AND (timezone('UTC', c.ends_at) - INTERVAL 1 MICROSECOND)::DATE
    GROUP BY ALL
),

tally AS (
    SELECT
        source,
        backup_day,
        count(*) AS windows,
        count(*) FILTER (verdict = 'protected') AS protected,
        count(*) FILTER (verdict = 'failed') AS failed,
        count(*) FILTER (verdict = 'skipped') AS skipped,
        count(*) FILTER (verdict = 'pending') AS pending,
        count(*) FILTER (verdict = 'unknown') AS unknown,
        count(*) FILTER (first_outcome = 'ok') AS first_ok,
        count(first_outcome) AS first_verdicts,
        count(*) FILTER (first_outcome = 'fail') AS failed_first,
        count(*) FILTER (first_outcome = 'fail' AND verdict = 'pending') AS failed_first_pending,
        count(*) FILTER (is_rescued) AS rescued,
        count(*) FILTER (verdict = 'protected' AND scheduled_ok < scheduled_ended AND scheduled_ended > 1)
            AS protected_in_part,
        sum(scheduled_ended)::BIGINT AS scheduled_ended,
        sum(scheduled_ok)::BIGINT AS scheduled_ok,
        sum(attempts)::BIGINT AS attempts,
        sum(ok)::BIGINT AS attempts_ok,
        sum(failed)::BIGINT AS attempts_failed,
        sum(open)::BIGINT AS attempts_open,
        sum(skipped)::BIGINT AS attempts_skipped,
        sum(unknown)::BIGINT AS attempts_unknown
    FROM analytics.resource_day
    GROUP BY source, backup_day
),

daily AS (
    SELECT
        c.*,
        coalesce(c.ends_at <= c.observed_until, false) AS is_closed,
        coalesce(
            p.days = (timezone('UTC', c.ends_at) - INTERVAL 1 MICROSECOND)::DATE
            - timezone('UTC', c.starts_at)::DATE + 1, false
        ) AS is_complete,
        COLUMNS(t.* EXCLUDE (source, backup_day))
    FROM calendar AS c
    LEFT JOIN tally AS t USING (source, backup_day)
    LEFT JOIN proved AS p USING (source, backup_day)
)

SELECT
    source,
    backup_day,
    starts_at,
    ends_at,
    is_closed,
    is_complete,
    coalesce(windows, 0) AS windows,
    coalesce(protected, 0) AS protected,
    coalesce(failed, 0) AS failed,
    coalesce(skipped, 0) AS skipped,
    coalesce(pending, 0) AS pending,
    coalesce(unknown, 0) AS unknown,
    CASE WHEN is_closed THEN d.protected / nullif(d.protected + d.failed + d.skipped, 0) END AS final_success_rate,
    coalesce(first_ok, 0) AS first_ok,
    coalesce(first_verdicts, 0) AS first_verdicts,
    CASE WHEN is_closed THEN d.first_ok / nullif(d.first_verdicts, 0) END AS first_attempt_success_rate,
    coalesce(failed_first, 0) AS failed_first,
    coalesce(failed_first_pending, 0) AS failed_first_pending,
    coalesce(rescued, 0) AS rescued,
    CASE WHEN is_closed THEN d.rescued / nullif(d.failed_first - d.failed_first_pending, 0) END AS rescue_rate,
    coalesce(attempts, 0) AS attempts,
    coalesce(attempts_ok, 0) AS attempts_ok,
    coalesce(attempts_failed, 0) AS attempts_failed,
    coalesce(attempts_open, 0) AS attempts_open,
    coalesce(attempts_skipped, 0) AS attempts_skipped,
    coalesce(attempts_unknown, 0) AS attempts_unknown,
    CASE WHEN is_closed THEN d.attempts_ok / nullif(d.attempts_ok + d.attempts_failed, 0) END AS attempt_success_rate,
    coalesce(protected_in_part, 0) AS protected_in_part,
    coalesce(scheduled_ended, 0) AS scheduled_ended,
    coalesce(scheduled_ok, 0) AS scheduled_ok,
    CASE WHEN is_closed THEN d.scheduled_ok / nullif(d.scheduled_ended, 0) END AS scheduled_success_rate
FROM daily AS d
ORDER BY source, backup_day
