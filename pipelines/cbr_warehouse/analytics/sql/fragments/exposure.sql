-- Reads asked(source, from_at, to_at), a span of time for each source. Gives exposure, as macros/exposure.sql describes it.
enrolled AS (
    SELECT
        r.source,
        r.resource_id,
        r.first_attempt_at,
        to_seconds(epoch(r.rpo)) AS rpo,
        q.to_at,
        greatest(r.first_attempt_at, q.from_at) AS seen_from,
        least(r.removed_at, r.not_loaded_since, q.to_at) AS seen_to
    FROM analytics.resource AS r
    JOIN asked AS q ON q.source = r.source
    WHERE r.first_attempt_at < q.to_at AND coalesce(least(r.removed_at, r.not_loaded_since) > q.from_at, true)
),

point AS (
    SELECT p.source, p.resource_id, p.usable_at, p.rp_at, p.deleted_at, p.usable_at < q.from_at AS is_before
    FROM analytics.recovery_point AS p
    JOIN asked AS q ON q.source = p.source
    WHERE p.resource_id IS NOT NULL AND p.usable_at < q.to_at
),

step AS (
    SELECT source, resource_id, first_attempt_at AS moment, NULL::TIMESTAMPTZ AS rp_at, NULL::TIMESTAMPTZ AS deleted_at
    FROM enrolled
    UNION ALL
    -- Of those usable before the span, the newest alone can begin it.
    SELECT source, resource_id, max(usable_at), max(rp_at), arg_max_null(deleted_at, rp_at)
    FROM point
    WHERE is_before
    GROUP BY source, resource_id
    UNION ALL
    SELECT source, resource_id, usable_at, rp_at, deleted_at
    FROM point
    WHERE NOT is_before
),

ordered AS (
    SELECT
        *,
        max(rp_at) OVER (
            PARTITION BY source, resource_id ORDER BY moment ASC, rp_at ASC NULLS FIRST ROWS UNBOUNDED PRECEDING
        ) AS newest_rp_at,
        coalesce(lead(moment) OVER points, TIMESTAMPTZ 'infinity') AS next_at
    FROM step
    WINDOW points AS (PARTITION BY source, resource_id ORDER BY moment ASC, rp_at ASC NULLS FIRST)
),

stretch AS (
    -- Until the next recovery point is usable, the newest of those so far counts, for as long as it is not deleted.
    SELECT
        source,
        resource_id,
        moment,
        next_at,
        newest_rp_at,
        last_value(CASE WHEN rp_at = newest_rp_at THEN coalesce(deleted_at, TIMESTAMPTZ 'infinity') END IGNORE NULLS) OVER (
            PARTITION BY source, resource_id ORDER BY moment ASC, rp_at ASC NULLS FIRST ROWS UNBOUNDED PRECEDING
        ) AS newest_deleted_at
    FROM ordered
),

bereft AS (
    -- The newest was deleted before the next one was usable.
    SELECT source, resource_id, moment, greatest(moment, newest_deleted_at) AS begins_at, next_at AS ends_at
    FROM stretch
    WHERE newest_deleted_at < next_at
),

older AS (
    -- Then the newest of the others counts that are still there: the one with a later rp_at until it is deleted, too.
    SELECT
        b.source,
        b.resource_id,
        b.moment,
        p.rp_at,
        greatest(b.begins_at, max(coalesce(p.deleted_at, TIMESTAMPTZ 'infinity')) OVER (
            PARTITION BY b.source, b.resource_id, b.moment
            ORDER BY p.rp_at DESC, p.usable_at ASC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )) AS begins_at,
        least(b.ends_at, coalesce(p.deleted_at, TIMESTAMPTZ 'infinity')) AS ends_at
    FROM bereft AS b
    JOIN point AS p
        ON p.source = b.source AND p.resource_id = b.resource_id
        AND p.usable_at <= b.moment AND coalesce(p.deleted_at > b.begins_at, true)
),

piece AS (
    SELECT
        source,
        resource_id,
        newest_rp_at AS rp_at,
        newest_rp_at IS NULL AS is_before_first,
        moment AS begins_at,
        least(next_at, newest_deleted_at) AS ends_at
    FROM stretch
    UNION ALL
    SELECT source, resource_id, rp_at, false, begins_at, ends_at
    FROM older
    WHERE begins_at < ends_at
    UNION ALL
    SELECT b.source, b.resource_id, NULL, false, greatest(b.begins_at, max(o.ends_at)), b.ends_at
    FROM bereft AS b
    LEFT JOIN older AS o ON o.source = b.source AND o.resource_id = b.resource_id AND o.moment = b.moment
    GROUP BY b.source, b.resource_id, b.moment, b.begins_at, b.ends_at
),

unprotected AS (
    SELECT
        p.source,
        p.resource_id,
        e.to_at,
        greatest(
            p.begins_at, e.seen_from, CASE WHEN p.is_before_first THEN e.first_attempt_at ELSE p.rp_at END + e.rpo
        ) AS begins_at,
        least(p.ends_at, e.seen_to) AS ends_at
    FROM piece AS p
    JOIN enrolled AS e ON e.source = p.source AND e.resource_id = p.resource_id
    WHERE p.ends_at > e.seen_from
),

breach AS (
    SELECT
        source,
        resource_id,
        epoch_us(ends_at) - epoch_us(begins_at) AS microseconds,
        ends_at = to_at AS is_at_end,
        coalesce(
            begins_at > lag(ends_at) OVER (PARTITION BY source, resource_id ORDER BY begins_at ASC, ends_at ASC), true
        ) AS is_start
    FROM unprotected
    WHERE ends_at > begins_at
),

summed AS (
    SELECT
        source,
        resource_id,
        sum(microseconds)::BIGINT AS microseconds,
        count(*) FILTER (is_start) AS breaches,
        bool_or(is_at_end) AS is_at_end
    FROM breach
    GROUP BY source, resource_id
),

exposure AS (
    SELECT
        e.source,
        e.resource_id,
        greatest(0, epoch_us(e.seen_to) - epoch_us(e.seen_from)) / 3600000000 AS observed_hours,
        coalesce(s.microseconds, 0) / 3600000000 AS unprotected_hours,
        coalesce(s.breaches, 0) AS breaches,
        coalesce(s.is_at_end, false) AS is_unprotected_at_end
    FROM enrolled AS e
    LEFT JOIN summed AS s ON s.source = e.source AND s.resource_id = e.resource_id
)
