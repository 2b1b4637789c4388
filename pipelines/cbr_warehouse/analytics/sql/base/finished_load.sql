-- Question: when did loads look at each source, and without which interruptions?
-- Grain: one row per finished load within the last lateness_period of its source; loads of a requested range are left out.
-- Definition: a load is finished if its outcome is done. Two loads belong to one stretch if no two loads between them that
--   follow each other began more than load_gap apart.
-- Settings: lateness_period, load_gap
-- Edge cases: failed and interrupted loads are not in it, although what they received was seen.
-- Columns:
--   source: Name of the configured source.
--   started_at: When the load began.
--   finished_at: When it ended.
--   is_deep: Whether it read the whole horizon.
--   stretch: Number of the stretch it belongs to, from 0.
WITH finished AS (
    SELECT l.source, l.load_id, l.started_at, coalesce(l.finished_at, l.started_at) AS finished_at, l.purpose = 'deep' AS is_deep
    FROM main.loads AS l
    CROSS JOIN analytics.settings AS s
    WHERE l.outcome = 'done' AND l.purpose <> 'range'
    QUALIFY
        l.started_at >= max(l.started_at) OVER (PARTITION BY l.source) - to_seconds(epoch(s.lateness_period))
),

spaced AS (
    SELECT *, epoch_us(started_at) - epoch_us(lag(started_at) OVER ordered) AS since_last_us
    FROM finished
    WINDOW ordered AS (PARTITION BY source ORDER BY started_at, load_id)
)

SELECT
    p.source,
    p.started_at,
    p.finished_at,
    p.is_deep,
    count(*) FILTER (p.since_last_us > epoch(s.load_gap) * 1000000) OVER (
        PARTITION BY p.source ORDER BY p.started_at, p.load_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS stretch
FROM spaced AS p
CROSS JOIN analytics.settings AS s
