-- Question: what would other products call our last week?
-- Grain: ten rows for each source with a resource, one per definition, whatever its last week contains.
-- Definition: window_to is the newest end of a backup day of the source that is not after analytics.as_of, window_from seven
--   backup days before. Live resources: first tried before window_to, and neither removed before it nor of a source excluded
--   before it. A run is a backup attempt of the seven backup days that is ok, failed or skipped. By row: (1) live
--   resources with a run, and of them without a failed or skipped one; (2) live resources, and of them those whose newest
--   recovery point (latest rp_at of those usable and not deleted by window_to) is at most 24 h old then; (3, 4, 5) live
--   resources first tried at least N days before window_to, and of them those whose newest successful backup (latest
--   rp_at, deleted or not) is at most N days old; (6) backup attempts that are ok or failed, and of them ok; (7) live
--   resources with a run, and the sum over them of ok attempts divided by scheduled runs, at least 1 and the quotient at
--   most 1; (8) live resources with an ok or failed attempt in the 35 days before window_from or since, and of them those
--   whose last one is ok; (9) backup days of all resources with the verdict protected, failed or skipped, and of them
--   protected; (10) hours observed by macro exposure from window_from to window_to, and of them not unprotected.
-- Settings: timezone, day_anchor (of the source, else the global ones), rpo_grace
-- Edge cases: "like" refers to the published definitions of the products, not their code. A fixed threshold over policies of
--   different intervals is itself a flaw, shown here on purpose. Open attempts and those of an unknown status are in no row.
--   Rows 6, 9 and 10 include resources removed since. The rate is NULL without a denominator.
-- Columns:
--   source: Name of the configured source.
--   definition: Short name.
--   whose: Whose definition it is.
--   numerator: What counts as good.
--   denominator: Of what.
--   rate: numerator / denominator.
--   population: What was counted.
--   window_from: Begin of the span.
--   window_to: End of the span.
--   watermark: analytics.as_of.
WITH span AS (
    SELECT
        c.source,
        o.as_of AS watermark,
        CAST(timezone(c.timezone, o.as_of) - c.day_anchor AS DATE) AS to_day,
        timezone(c.timezone, to_day::TIMESTAMP + c.day_anchor) AS window_to,
        timezone(c.timezone, (to_day - 7)::TIMESTAMP + c.day_anchor) AS window_from
    FROM analytics.source_clock AS c
    CROSS JOIN analytics.as_of AS o
),

live AS (
    SELECT r.*
    FROM analytics.resource AS r
    JOIN span AS p ON p.source = r.source
    WHERE r.first_attempt_at < p.window_to AND coalesce(least(r.removed_at, r.not_loaded_since) >= p.window_to, true)
),

week AS (
    SELECT d.*
    FROM analytics.resource_day AS d
    JOIN span AS p ON p.source = d.source
    WHERE d.backup_day >= p.to_day - 7 AND d.backup_day < p.to_day
),

newest AS (
    SELECT
        p.source,
        p.resource_id,
        max(p.rp_at) AS last_rp_at,
        max(p.rp_at) FILTER (coalesce(p.deleted_at > n.window_to, true)) AS last_kept_rp_at
    FROM analytics.recovery_point AS p
    JOIN span AS n ON n.source = p.source
    WHERE p.usable_at < n.window_to
    GROUP BY p.source, p.resource_id
),

fresh AS (
    SELECT
        l.source,
        l.resource_id,
        l.first_attempt_at,
        n.window_to,
        p.last_kept_rp_at >= n.window_to - INTERVAL 24 HOUR AS is_fresh,
        p.last_rp_at
    FROM live AS l
    JOIN span AS n ON n.source = l.source
    LEFT JOIN newest AS p ON p.source = l.source AND p.resource_id = l.resource_id
),

by_resource AS (
    SELECT w.source, w.resource_id, sum(w.failed + w.skipped) AS bad, sum(w.ok) AS ok, sum(w.scheduled_ended) AS slots
    FROM week AS w
    SEMI JOIN live AS l ON l.source = w.source AND l.resource_id = w.resource_id
    GROUP BY w.source, w.resource_id
    HAVING sum(w.ok + w.failed + w.skipped) > 0
),

asked AS (
    SELECT source, window_from AS from_at, window_to AS to_at FROM span
),

-- include exposure
,

rule(place, definition, whose, population) AS (
    VALUES
        (1, 'no failed or skipped run in 7 days', 'Clumio-like', 'live resources with a run that ended'),
        (2, 'newest recovery point at most 24 h old at the end', 'AWS-like', 'live resources'),
        (3, 'a success in the last 1 days, newly enrolled left out', 'Commvault-like, N = 1',
            'live resources enrolled before'),
        (4, 'a success in the last 7 days, newly enrolled left out', 'Commvault-like, N = 7',
            'live resources enrolled before'),
        (5, 'a success in the last 30 days, newly enrolled left out', 'Commvault-like, N = 30',
            'live resources enrolled before'),
        (6, 'attempts ok / (ok + failed)', 'Azure-like job success', 'backup tasks with a verdict'),
        (7, 'mean over resources of ok / run slots', 'Veeam-like', 'live resources with a run that ended'),
        (8, 'latest verdict is ok', 'exporters'' last_status', 'live resources with a verdict'),
        (9, 'backup days of resources with a success, retries included', 'final success, ours',
            'backup days of resources with a verdict'),
        (10, 'hours within interval + grace', 'time-weighted RPO, ours', 'resource-hours observed')
),

-- Sums of decimals are the same in whatever order they are added; as doubles, because DuckDB unites decimals of unlike
-- scales by dropping digits.
scored AS (
    SELECT source, 1 AS place, count(*) FILTER (bad = 0)::DOUBLE AS numerator, count(*)::DOUBLE AS denominator
    FROM by_resource GROUP BY source
    UNION ALL
    SELECT source, 2, count(*) FILTER (is_fresh), count(*)
    FROM fresh GROUP BY source
    UNION ALL
    SELECT f.source, 2 + n.place,
        count(*) FILTER (
            f.last_rp_at >= f.window_to - n.days * INTERVAL 24 HOUR
            AND f.first_attempt_at < f.window_to - n.days * INTERVAL 24 HOUR
        ),
        count(*) FILTER (f.first_attempt_at < f.window_to - n.days * INTERVAL 24 HOUR)
    FROM fresh AS f
    CROSS JOIN (VALUES (1, 1), (2, 7), (3, 30)) AS n(place, days)
    GROUP BY f.source, n.place
    UNION ALL
    SELECT source, 6, sum(ok), sum(ok) + sum(failed)
    FROM week GROUP BY source
    UNION ALL
    SELECT source, 7, sum(least(1, ok / greatest(slots, 1))::DECIMAL(18, 15))::DOUBLE, count(*)
    FROM by_resource GROUP BY source
    UNION ALL
    SELECT source, 8, count(*) FILTER (latest = 'ok'), count(*)
    FROM (
        SELECT a.source, a.resource_id, arg_max(a.outcome, (a.created_at, a.task_id)) AS latest
        FROM analytics.attempt AS a
        SEMI JOIN live AS l ON l.source = a.source AND l.resource_id = a.resource_id
        JOIN span AS p ON p.source = a.source
        WHERE a.operation_type = 'backup' AND a.outcome IN ('ok', 'fail')
            AND a.created_at >= p.window_from - INTERVAL 840 HOUR AND a.created_at < p.window_to
        GROUP BY ALL
    ) GROUP BY source
    UNION ALL
    SELECT source, 9, count(*) FILTER (verdict = 'protected'),
        count(*) FILTER (verdict IN ('protected', 'failed', 'skipped'))
    FROM week GROUP BY source
    UNION ALL
    SELECT e.source, 10, sum((e.observed_hours - e.unprotected_hours)::DECIMAL(18, 9))::DOUBLE,
        sum(e.observed_hours::DECIMAL(18, 9))::DOUBLE
    FROM exposure AS e
    GROUP BY e.source
)

SELECT
    r.source,
    h.definition,
    h.whose,
    coalesce(c.numerator, 0) AS numerator,
    coalesce(c.denominator, 0) AS denominator,
    c.numerator / nullif(c.denominator, 0) AS rate,
    h.population,
    p.window_from,
    p.window_to,
    p.watermark
FROM (SELECT DISTINCT source FROM analytics.resource) AS r
CROSS JOIN rule AS h
JOIN span AS p ON p.source = r.source
LEFT JOIN scored AS c ON c.source = r.source AND c.place = h.place
ORDER BY r.source, h.place
