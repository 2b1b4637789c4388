-- Question: is the period better or worse than those before it?
-- Grain: one row per period: twelve earlier ones, and this one.
-- Definition: the final success rate of each period's backup days: those with at least one successful backup, divided by
--   those with a verdict (protected, failed, skipped). is_covered: tasks of every source are stored from the begin of the
--   period on, whatever their type, as for the other figures.
-- Settings: timezone, day_anchor
-- Edge cases: calendar months and quarters go back by the calendar, all others by as many days. A period that is not
--   covered, or without a verdict, is compared with nothing.
WITH period AS (
    SELECT s.starts[i.i] AS from_day, s.starts[i.i + 1] AS to_day
    FROM (SELECT $starts::DATE[] AS starts) AS s
    CROSS JOIN LATERAL (SELECT unnest(range(1, len(s.starts))) AS i) AS i
)

SELECT
    p.from_day,
    p.to_day - 1 AS last_day,
    count(*) FILTER (d.verdict = 'protected') AS protected,
    count(*) FILTER (d.verdict IN ('protected', 'failed', 'skipped')) AS windows,
    protected / nullif(windows, 0) AS final_success_rate,
    coalesce(timezone($timezone, p.from_day::TIMESTAMP + $day_anchor) >= $log_from_at, false) AS is_covered
FROM period AS p
LEFT JOIN analytics.resource_day AS d ON d.backup_day >= p.from_day AND d.backup_day < p.to_day
GROUP BY p.from_day, p.to_day
ORDER BY p.from_day
