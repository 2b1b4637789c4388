-- Question: what would other products call our last week?
-- Grain: one row per source with a resource and definition, ten a source whatever its last week holds.
-- Definition: the same seven backup days that were last over at the watermark, scored ten ways, from the strictest to
--   the mildest habit of the field. N of a Commvault-like rule is the number of days in which at least one success
--   counts; resources enrolled within N days are left out, as there.
-- Settings: timezone, day_anchor, rpo_grace
-- Edge cases: "like" is after the products' published definitions, not their code. A flat threshold over policies of
--   different intervals is itself a defect, shown here on purpose. Tasks that are open or in a status not known are
--   no run and no run slot. NULL without a denominator.
-- Columns:
--   source: Name of the configured source.
--   definition: Short name.
--   whose: Whose habit it is.
--   numerator: What counts as good.
--   denominator: Of what.
--   rate: numerator / denominator.
--   population: What was counted.
--   window_from: Begin of the span.
--   window_to: End of the span.
--   watermark: The data's watermark.
WITH span AS (
    SELECT
        o.as_of AS watermark,
        CAST(timezone(s.timezone, o.as_of) - s.day_anchor AS DATE) AS to_day,
        timezone(s.timezone, to_day::TIMESTAMP + s.day_anchor) AS window_to,
        timezone(s.timezone, (to_day - 7)::TIMESTAMP + s.day_anchor) AS window_from
    FROM analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
),

live AS (
    SELECT r.*
    FROM analytics.resource AS r
    CROSS JOIN span AS p
    WHERE r.first_attempt_at < p.window_to AND coalesce(least(r.removed_at, r.not_loaded_since) >= p.window_to, true)
),

week AS (
    SELECT d.*
    FROM analytics.resource_day AS d
    CROSS JOIN span AS p
    WHERE d.backup_day >= p.to_day - 7 AND d.backup_day < p.to_day
),

point AS (
    SELECT p.source, p.resource_id, max(p.rp_at) AS last_rp_at
    FROM analytics.recovery_point AS p
    CROSS JOIN span AS n
    WHERE p.usable_at < n.window_to
    GROUP BY ALL
),

fresh AS (
    SELECT l.source, l.resource_id, l.first_attempt_at, epoch(n.window_to) - epoch(p.last_rp_at) AS age
    FROM live AS l
    CROSS JOIN span AS n
    LEFT JOIN point AS p USING (source, resource_id)
),

by_resource AS (
    SELECT w.source, w.resource_id, sum(w.failed + w.skipped) AS bad, sum(w.ok) AS ok, sum(w.scheduled_ended) AS slots
    FROM week AS w
    SEMI JOIN live AS l USING (source, resource_id)
    GROUP BY w.source, w.resource_id
    HAVING sum(w.ok + w.failed + w.skipped) > 0
),

habit(place, definition, whose, population) AS (
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

-- Sums of decimals are the same in whatever order they are added.
scored AS (
    SELECT source, 1 AS place, count(*) FILTER (bad = 0)::DOUBLE AS numerator, count(*)::DOUBLE AS denominator
    FROM by_resource GROUP BY source
    UNION ALL
    SELECT source, 2, count(*) FILTER (age <= 86400), count(*)
    FROM fresh GROUP BY source
    UNION ALL
    SELECT f.source, 2 + n.place,
        count(*) FILTER (f.age <= n.days * 86400 AND f.first_attempt_at < p.window_to - n.days * INTERVAL 24 HOUR),
        count(*) FILTER (f.first_attempt_at < p.window_to - n.days * INTERVAL 24 HOUR)
    FROM fresh AS f
    CROSS JOIN (VALUES (1, 1), (2, 7), (3, 30)) AS n(place, days)
    CROSS JOIN span AS p
    GROUP BY f.source, n.place
    UNION ALL
    SELECT source, 6, sum(ok), sum(ok) + sum(failed)
    FROM week GROUP BY source
    UNION ALL
    SELECT source, 7, sum(least(1, ok / greatest(slots, 1))::DECIMAL(18, 15)), count(*)
    FROM by_resource GROUP BY source
    UNION ALL
    SELECT source, 8, count(*) FILTER (latest = 'ok'), count(*)
    FROM (
        SELECT a.source, a.resource_id, arg_max(a.outcome, (a.created_at, a.task_id)) AS latest
        FROM analytics.attempt AS a
        SEMI JOIN live AS l USING (source, resource_id)
        CROSS JOIN span AS p
        WHERE a.operation_type = 'backup' AND a.outcome IN ('ok', 'fail')
            AND a.created_at >= p.window_from - INTERVAL 840 HOUR AND a.created_at < p.window_to
        GROUP BY ALL
    ) GROUP BY source
    UNION ALL
    SELECT source, 9, count(*) FILTER (verdict = 'protected'),
        count(*) FILTER (verdict IN ('protected', 'failed', 'skipped'))
    FROM week GROUP BY source
    UNION ALL
    SELECT e.source, 10, sum((e.observed_hours - e.unprotected_hours)::DECIMAL(18, 9)),
        sum(e.observed_hours::DECIMAL(18, 9))
    FROM analytics.exposure((SELECT window_from FROM span), (SELECT window_to FROM span)) AS e
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
CROSS JOIN habit AS h
CROSS JOIN span AS p
LEFT JOIN scored AS c ON c.source = r.source AND c.place = h.place
ORDER BY r.source, h.place
