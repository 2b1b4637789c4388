-- Question: which causes cost the most unprotected hours, rather than the most failures?
-- Grain: one row per source and error code of the failing streaks that lasted into the lookback and began before
--   analytics.as_of.
-- Definition: a streak is charged to the code of its last failure. The charged time begins at the latest of: the begin of
--   the lookback, the creation of the streak's first failure, and rpo after rp_at of the resource's recovery point with the
--   latest rp_at at or before that failure (after its first attempt, if it has none). It ends at recovery, else removal, else the
--   watermark of a source that is excluded from analytics.as_of, else analytics.as_of.
-- Settings: lookback, rpo_grace, default_interval, [[schedules]]
-- Edge cases: the time between the last recovery point and the first failure is not charged, and a streak shorter than the
--   objective costs nothing. So these hours are less than those of rpo_compliance, which also counts missed backups
--   (they have no code) and deleted recovery points (here deletions change nothing). Ranks by hours and by count are both
--   given, since they differ.
-- Columns:
--   source: Name of the configured source.
--   error_code: Code, or (none).
--   unprotected_hours: Charged to it.
--   share_of_hours: Of all hours charged in the source.
--   cumulative_share: Share of this and the more expensive codes.
--   rank_by_hours: 1 is the most expensive.
--   failures: Failed attempts of these streaks, those before the lookback included.
--   rank_by_failures: 1 is the most frequent.
--   streaks: Streaks.
--   resources: Resources hit.
--   text_en: The vendor's text for the code.
--   advice_en: The vendor's advice.
--   text_zh: The text in Chinese.
--   advice_zh: The advice in Chinese.
WITH streak AS (
    SELECT
        k.source,
        k.resource_id,
        coalesce(k.last_error_code, '(none)') AS error_code,
        k.failures,
        k.first_failed_at,
        least(coalesce(k.recovered_at, r.removed_at, r.not_loaded_since), o.as_of) AS ends_at,
        o.as_of - to_seconds(epoch(s.lookback)) AS from_at,
        r.rpo,
        r.first_attempt_at
    FROM analytics.streak AS k
    JOIN analytics.resource AS r USING (source, resource_id)
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    -- Within coalesce the planner does not take it for selective; the ASOF join below would become a loop.
    WHERE coalesce(k.first_failed_at < o.as_of, false)
        AND coalesce(k.recovered_at, r.removed_at, r.not_loaded_since, o.as_of) > o.as_of - to_seconds(epoch(s.lookback))
),

charged AS (
    SELECT
        k.source,
        k.resource_id,
        k.error_code,
        k.failures,
        greatest(0, epoch_us(k.ends_at) - epoch_us(greatest(
            k.from_at, k.first_failed_at, coalesce(p.rp_at, k.first_attempt_at) + to_seconds(epoch(k.rpo))
        ))) AS microseconds
    FROM streak AS k
    ASOF LEFT JOIN analytics.recovery_point AS p
        ON p.source = k.source AND p.resource_id = k.resource_id AND k.first_failed_at >= p.rp_at
),

summed AS (
    SELECT
        source,
        error_code,
        sum(microseconds) AS unprotected_us,
        sum(failures)::BIGINT AS failures,
        count(*) AS streaks,
        count(DISTINCT resource_id) AS resources
    FROM charged
    GROUP BY source, error_code
)

SELECT
    m.source,
    m.error_code,
    m.unprotected_us / 3600000000 AS unprotected_hours,
    m.unprotected_us / nullif(sum(m.unprotected_us) OVER of_source, 0) AS share_of_hours,
    sum(m.unprotected_us) OVER (
        PARTITION BY m.source ORDER BY m.unprotected_us DESC, m.error_code ASC ROWS UNBOUNDED PRECEDING
    ) / nullif(sum(m.unprotected_us) OVER of_source, 0) AS cumulative_share,
    row_number() OVER (PARTITION BY m.source ORDER BY m.unprotected_us DESC, m.error_code ASC) AS rank_by_hours,
    m.failures,
    row_number() OVER (PARTITION BY m.source ORDER BY m.failures DESC, m.error_code ASC) AS rank_by_failures,
    m.streaks,
    m.resources,
    e.text_en,
    e.advice_en,
    e.text_zh,
    e.advice_zh
FROM summed AS m
LEFT JOIN analytics.error_code AS e USING (error_code)
WINDOW of_source AS (PARTITION BY m.source)
ORDER BY m.source, rank_by_hours
