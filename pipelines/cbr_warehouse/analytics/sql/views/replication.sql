-- Question: are backups copied to each other region they should be in, and how long does it take?
-- Grain: one row per source, vault and destination region with an eligible recovery point.
-- Definition: eligible for a destination are recovery points of resource type OS::Nova::Server in such a vault that became
--   usable in the lookback and at most copy_lag before the vault's first replication (of any result) to it, that had been
--   usable for copy_lag at the watermark (of the source, where that is excluded from analytics.as_of) and were not deleted
--   before copy_lag had passed. Each counts once: copied (a successful replication to that destination), else pending (one
--   under way), else failed (a failed one), else never_tried. Lag is from usable_at to the end of the first successful copy
--   to that destination.
-- Settings: copy_lag, lookback
-- Edge cases: the service replicates no disks and no file systems, so other resource types are not counted. That a vault
--   replicates to a destination is inferred from its first replication to it; it is expected from then on, also where the
--   policy has since been changed to another destination. A copy later than copy_lag counts as copied and as
--   copied_late. The service tries a copy again at the next slot of the policy: retries are replications to the destination
--   beyond the first one of each eligible recovery point. Percentiles interpolate.
-- Columns:
--   source: Name of the configured source.
--   vault_id: Vault of the backups.
--   vault_name: Its newest name.
--   destination_region: Region to copy to; (unknown) where the tasks name none.
--   eligible: Recovery points that should have a copy there.
--   copied: Of them copied.
--   copied_late: Of these later than copy_lag.
--   pending: Without a copy, with one under way.
--   failed: Without a copy, with failed replications.
--   never_tried: Without any replication to the destination.
--   copied_rate: copied / eligible.
--   in_time_rate: (copied - copied_late) / eligible.
--   retries: Replications beyond the first of each.
--   lag_p50_hours: Median lag.
--   lag_p95_hours: 95th percentile.
--   lag_max_hours: Longest.
WITH
-- include point_copy
,

destination AS (
    SELECT source, vault_id, destination_region, min(first_created_at) AS since
    FROM point_copy
    GROUP BY source, vault_id, destination_region
),

named AS (
    SELECT source, vault_id, arg_max(vault_name, (last_created_at, vault_name)) AS vault_name
    FROM analytics.resource_day
    GROUP BY source, vault_id
),

eligible AS (
    SELECT
        p.source,
        p.vault_id,
        d.destination_region,
        p.task_id,
        p.usable_at,
        to_seconds(epoch(s.copy_lag)) AS copy_lag
    FROM analytics.recovery_point AS p
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    LEFT JOIN analytics.source_watermark AS w ON w.source = p.source
    JOIN destination AS d ON d.source = p.source AND d.vault_id IS NOT DISTINCT FROM p.vault_id
    WHERE p.resource_type = 'OS::Nova::Server'
        AND p.usable_at > o.as_of - to_seconds(epoch(s.lookback))
        AND p.usable_at >= d.since - to_seconds(epoch(s.copy_lag))
        AND p.usable_at + to_seconds(epoch(s.copy_lag)) <= coalesce(w.observed_until, o.as_of)
        AND coalesce(p.deleted_at > p.usable_at + to_seconds(epoch(s.copy_lag)), true)
),

judged AS (
    SELECT
        e.source,
        e.vault_id,
        e.destination_region,
        coalesce(t.copies_ok, 0) AS copies_ok,
        coalesce(t.copies_failed, 0) AS copies_failed,
        coalesce(t.copies_open, 0) AS copies_open,
        coalesce(t.tries, 0) AS tries,
        t.first_copied_at > e.usable_at + e.copy_lag AS is_late,
        epoch_us(t.first_copied_at) - epoch_us(e.usable_at) AS lag_us
    FROM eligible AS e
    LEFT JOIN point_copy AS t
        ON t.source = e.source AND t.task_id = e.task_id AND t.destination_region = e.destination_region
)

SELECT
    j.source,
    j.vault_id,
    any_value(n.vault_name) AS vault_name,
    j.destination_region,
    count(*) AS eligible,
    count(*) FILTER (j.copies_ok > 0) AS copied,
    count(*) FILTER (j.is_late) AS copied_late,
    count(*) FILTER (j.copies_ok = 0 AND j.copies_open > 0) AS pending,
    count(*) FILTER (j.copies_ok = 0 AND j.copies_open = 0 AND j.copies_failed > 0) AS failed,
    count(*) FILTER (j.copies_ok = 0 AND j.copies_open = 0 AND j.copies_failed = 0) AS never_tried,
    count(*) FILTER (j.copies_ok > 0) / count(*) AS copied_rate,
    count(*) FILTER (NOT j.is_late) / count(*) AS in_time_rate,
    sum(greatest(0, j.tries - 1))::BIGINT AS retries,
    round(quantile_cont(j.lag_us, 0.5), 2) / 3600000000 AS lag_p50_hours,
    round(quantile_cont(j.lag_us, 0.95), 2) / 3600000000 AS lag_p95_hours,
    max(j.lag_us) / 3600000000 AS lag_max_hours
FROM judged AS j
LEFT JOIN named AS n ON n.source = j.source AND n.vault_id = j.vault_id
GROUP BY j.source, j.vault_id, j.destination_region
ORDER BY j.source, copied_rate, j.vault_id, j.destination_region
