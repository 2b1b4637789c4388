-- Question: which resources were backed up on which backup days, and which need attention first?
-- Grain: one row per resource, with its backup days of the period in a list.
-- Definition: resources by the bucket of resource_protection (never, none_left, older_than_7d, within_7d, within_2x_rpo,
--   the others), then strikes of unresolved_failures, then failed backup days of the period, then name. nights are the
--   rows of resource_day.
-- Settings: timezone, day_anchor, rpo_grace, default_interval, [[schedules]]
-- Edge cases: a backup day without an attempt is in no list; missed_backups tells whether one was due. Filters of vault,
--   policy and type are those of the resource's newest backup day.
WITH night AS (
    SELECT source, resource_id, count(*) FILTER (verdict = 'failed') AS failed_nights
    FROM analytics.resource_day
    WHERE backup_day BETWEEN $from_day::DATE AND $to_day::DATE
    GROUP BY source, resource_id
),

ranked AS (
    SELECT
        p.source,
        p.resource_id,
        p.resource_name,
        p.vault_id,
        p.vault_name,
        p.bucket,
        u.strikes,
        coalesce(n.failed_nights, 0) AS failed_nights,
        row_number() OVER (
            ORDER BY
                list_position(
                    ['never', 'none_left', 'older_than_7d', 'within_7d', 'within_2x_rpo'], p.bucket
                ) ASC NULLS LAST,
                p.bucket IN ('removed', 'not_loaded') ASC,
                u.strikes DESC NULLS LAST,
                failed_nights DESC,
                p.resource_name ASC,
                p.source ASC,
                p.resource_id ASC
        ) AS place,
        count(*) OVER () AS total
    FROM analytics.resource_protection AS p
    LEFT JOIN analytics.unresolved_failures AS u USING (source, resource_id)
    LEFT JOIN night AS n USING (source, resource_id)
    WHERE true
        AND p.source = $source -- if source
        AND (p.vault_id = $vault OR contains(lower(p.vault_name), lower($vault))) -- if vault
        AND contains(lower(p.policy_id), lower($policy)) -- if policy
        AND p.resource_type = $type -- if type
        AND (p.resource_id = $resource OR contains(lower(p.resource_name), lower($resource))) -- if resource
        AND u.error_code = $code -- if code
),

shown AS (
    SELECT *
    FROM ranked
    ORDER BY place
    LIMIT $limit
    OFFSET $offset
)

SELECT
    r.*,
    list({
        'backup_day': d.backup_day,
        'verdict': d.verdict,
        'is_rescued': d.is_rescued,
        'attempts': d.attempts,
        'failed': d.failed,
        'scheduled_ended': d.scheduled_ended,
        'scheduled_ok': d.scheduled_ok,
        'last_error_code': d.last_error_code
    } ORDER BY d.backup_day) FILTER (d.backup_day IS NOT NULL) AS nights
FROM shown AS r
LEFT JOIN analytics.resource_day AS d
    ON d.source = r.source AND d.resource_id = r.resource_id
    AND d.backup_day BETWEEN $from_day::DATE AND $to_day::DATE
GROUP BY ALL
ORDER BY r.place
