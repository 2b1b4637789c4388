-- Question: what came out of one control? The frame around the query of each control.
-- Grain: one row per failing or undecided row of the control, worst first; one row without `item` where there is none.
-- Definition: result is fail where a row fails that no exception covers; not_applicable where the population is empty;
--   cannot_say where no load has finished, a row cannot be judged, or days of the window are not complete that may hide
--   failures; else pass. days counts the UTC days of the window for each source that is not excluded, complete_days those
--   that are complete or open. excepted_for is the reason of the exception that covers a failing row.
-- Settings: those of the control, $window for the length of its window
-- Edge cases: $control, $now, $today, $exceptions, $window, $needs_days and $query are filled in before it runs.
WITH
exception AS (
    SELECT source, resource, reason FROM $exceptions AS e WHERE control = '$control' AND until >= $today
),

found AS MATERIALIZED (
$query
),

listed AS (
    SELECT
        f.*,
        CASE
            WHEN f.fails THEN (
                SELECT min(e.reason)
                FROM exception AS e
                WHERE coalesce(e.source = f.source, true) AND coalesce(e.resource = f.item, true)
            )
        END AS excepted_for
    FROM found AS f
    WHERE f.fails IS DISTINCT FROM false
),

frame AS (
    SELECT o.as_of, o.as_of - $window AS from_at
    FROM analytics.settings
    LEFT JOIN analytics.as_of AS o ON true
),

completeness AS (
    SELECT
        count(*) AS days,
        count(*) FILTER (d.state IN ('complete', 'open')) AS complete_days
    FROM frame AS t
    CROSS JOIN (SELECT source FROM analytics.source_watermark WHERE is_included) AS w
    CROSS JOIN generate_series(t.from_at::DATE::TIMESTAMP, t.as_of::DATE::TIMESTAMP, INTERVAL 1 DAY) AS g (midnight)
    LEFT JOIN analytics.day_state AS d ON d.source = w.source AND d.day = g.midnight::DATE
),

summary AS (
    SELECT
        (SELECT count(*) FROM found) AS population,
        count(*) FILTER (fails AND excepted_for IS NULL) AS failing,
        count(*) FILTER (fails IS NULL) AS undecided,
        count(*) FILTER (fails AND excepted_for IS NOT NULL) AS excepted
    FROM listed
)

SELECT
    CASE
        WHEN s.failing > 0 THEN 'fail'
        WHEN t.as_of IS NULL AND $needs_days THEN 'cannot_say'
        WHEN s.population = 0 THEN 'not_applicable'
        WHEN s.undecided > 0 OR ($needs_days AND c.complete_days < c.days) THEN 'cannot_say'
        ELSE 'pass'
    END AS result,
    s.population,
    s.failing,
    s.undecided,
    s.excepted,
    t.from_at AS window_from,
    t.as_of AS watermark,
    c.days,
    c.complete_days,
    l.source,
    l.item,
    l.name,
    l.fails,
    l.excepted_for,
    l.why,
    l.since
FROM summary AS s
CROSS JOIN frame AS t
CROSS JOIN completeness AS c
LEFT JOIN listed AS l ON true
ORDER BY l.excepted_for IS NOT NULL, l.fails IS NULL, l.worst DESC NULLS LAST, l.source, l.item, l.name, l.why
