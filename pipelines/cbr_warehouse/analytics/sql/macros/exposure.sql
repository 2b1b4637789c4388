-- Question: for how long was each resource without a recent enough recovery point, in a span of time?
-- Grain: one row per source and resource that was enrolled in the span.
-- Definition: exposure at a moment is its distance from rp_at of the newest recovery point usable by then. A
--   resource is unprotected while its exposure exceeds its rpo; before its first recovery point from rpo
--   after its first backup attempt on. Both are clipped to the span and end with the resource's removal, or with
--   what is known of it where its source is not loaded any more (not_loaded_since).
-- Arguments: from_at, to_at
-- Settings: rpo_grace, default_interval, [[schedules]] (through analytics.resource)
-- Edge cases: a recovery point counts from usable_at, its age from rp_at, so a long backup is seen. One that
--   finishes late with an older rp_at changes nothing. Deleting the newest one is not counted as exposure:
--   recovery_point_ledger and deletion_audit tell of that.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   observed_hours: Hours of the span in which the resource was enrolled.
--   unprotected_hours: Of them unprotected.
--   breaches: Unbroken unprotected stretches.
--   is_unprotected_at_end: Whether it is unprotected at the end of the span.
WITH enrolled AS (
    SELECT
        source,
        resource_id,
        rpo,
        first_attempt_at,
        greatest(first_attempt_at, from_at) AS seen_from,
        least(removed_at, not_loaded_since, to_at) AS seen_to
    FROM analytics.resource
    WHERE first_attempt_at < to_at AND coalesce(least(removed_at, not_loaded_since) > from_at, true)
),

step AS (
    SELECT source, resource_id, first_attempt_at AS moment, NULL::TIMESTAMPTZ AS rp_at
    FROM enrolled
    UNION ALL
    SELECT source, resource_id, max(usable_at), max(rp_at)
    FROM analytics.recovery_point
    WHERE usable_at < from_at
    GROUP BY source, resource_id
    UNION ALL
    SELECT source, resource_id, usable_at, rp_at
    FROM analytics.recovery_point
    WHERE usable_at >= from_at AND usable_at < to_at
),

stretch AS (
    SELECT
        source,
        resource_id,
        moment,
        max(rp_at) OVER points AS newest_rp_at,
        lead(moment) OVER points AS next_at
    FROM step
    WINDOW points AS (
        PARTITION BY source, resource_id ORDER BY moment, rp_at NULLS FIRST ROWS UNBOUNDED PRECEDING
    )
),

gap AS (
    SELECT
        s.source,
        s.resource_id,
        coalesce(s.newest_rp_at, e.first_attempt_at) + to_seconds(epoch(e.rpo)) AS exposed_at,
        greatest(s.moment, exposed_at, e.seen_from) AS begins_at,
        least(coalesce(s.next_at, e.seen_to), e.seen_to) AS ends_at,
        -- Usable at last, and already too old: the stretch before goes on.
        s.moment > greatest(exposed_at, e.seen_from) AS goes_on
    FROM stretch AS s
    JOIN enrolled AS e USING (source, resource_id)
    WHERE coalesce(s.next_at > e.seen_from, true)
)

SELECT
    e.source,
    e.resource_id,
    greatest(0, epoch(any_value(e.seen_to)) - epoch(any_value(e.seen_from))) / 3600 AS observed_hours,
    coalesce(sum(epoch_us(g.ends_at) - epoch_us(g.begins_at)) FILTER (g.ends_at > g.begins_at), 0) / 3600000000
        AS unprotected_hours,
    count(*) FILTER (g.ends_at > g.begins_at AND NOT g.goes_on) AS breaches,
    coalesce(bool_or(g.ends_at > g.begins_at AND g.ends_at = to_at), false) AS is_unprotected_at_end
FROM enrolled AS e
LEFT JOIN gap AS g USING (source, resource_id)
GROUP BY e.source, e.resource_id
