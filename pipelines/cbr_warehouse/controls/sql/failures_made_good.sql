-- Title: Failures made good
-- Version: 1
-- Question: was every series of failed backups ended by a successful one soon enough?
-- Population: series of failures; those that are open, and those that a success ended in the window
-- Grain: one row per source, resource and streak of failing_streaks.
-- Definition: fails where the series is open (is_open) and began more than `made_good` before the watermark.
-- Window: lookback
-- Missing days: may hide failures
-- Settings: made_good, lookback
-- Edge cases: a series that ended late passes, since it is made good; failing_streaks has its duration and the task that
--   ended it. One that the removal of its resource ended is not in the population.
-- Clauses:
--   NIS2 Art. 21(2)(c): shows that failed backups are made up for.
--   ISO 27001 A.8.13: shows that a missing copy is made up for.
--   NIST CP-9 a, b: shows that backups are conducted in the end.
--   SOC 2 A1.2: shows corrective action after failures (point of focus "performs data backup").
SELECT
    k.source,
    k.resource_id AS item,
    coalesce(nullif(k.resource_name, ''), k.resource_id) AS name,
    k.is_open AND k.censored_hours > epoch(s.made_good) / 3600 AS fails,
    format(
        '{} failure{} over {:.0f} h, the last with {}',
        k.failures, CASE WHEN k.failures = 1 THEN '' ELSE 's' END, k.censored_hours, k.last_error_code
    ) AS why,
    k.first_failed_at AS since,
    coalesce(k.censored_hours, 0) AS worst
FROM analytics.failing_streaks AS k
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
WHERE k.is_open
    OR (k.ended_by = 'recovery' AND k.recovered_at > o.as_of - to_seconds(epoch(s.lookback)))
