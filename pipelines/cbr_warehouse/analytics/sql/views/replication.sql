-- Question: are backups copied to the other region, and how long does it take?
-- Grain: one row per source and vault that has ever replicated.
-- Definition: eligible are recovery points of servers in such a vault, made in the lookback, that had been usable
--   for copy_lag at the watermark (its source's, where that is left out) and were not deleted before that had passed. Copied: with a successful
--   replication. Lag: from usable to the end of the first successful copy.
-- Settings: copy_lag, lookback
-- Edge cases: disks and file systems are not replicated by the service, nor counted. Whether a vault replicates is
--   inferred from its log: from its first replication on. A pending copy is neither copied nor failed. Copies
--   that came later than copy_lag count as copied and as late. A copy is tried again at the next slot: retries are
--   tries beyond the first.
-- Columns:
--   source: Name of the configured source.
--   vault_id: Vault of the backups.
--   vault_name: Its newest name.
--   destination_regions: Regions copied to.
--   eligible: Recovery points that should have a copy.
--   copied: Of them copied.
--   copied_late: Of them later than copy_lag.
--   pending: Without a copy, with one under way.
--   failed: Without a copy, with failures alone.
--   never_tried: Without any replication.
--   copied_rate: copied / eligible.
--   in_time_rate: (copied - copied_late) / eligible.
--   retries: Replications beyond the first of each.
--   lag_p50_hours: Median lag.
--   lag_p95_hours: 95th percentile.
--   lag_max_hours: Longest.
WITH replicating AS (
    SELECT source, vault_id, min(first_copy_created_at) AS since
    FROM analytics.recovery_point
    WHERE first_copy_created_at IS NOT NULL
    GROUP BY ALL
),

named AS (
    SELECT source, vault_id, arg_max(vault_name, last_created_at) AS vault_name FROM analytics.resource_day GROUP BY ALL
),

eligible AS (
    SELECT p.*, (epoch(p.first_copied_at) - epoch(p.usable_at)) / 3600 AS lag_hours, epoch(s.copy_lag) / 3600 AS allowed_hours
    FROM analytics.recovery_point AS p
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    LEFT JOIN analytics.source_watermark AS w ON w.source = p.source
    JOIN replicating AS r ON r.source = p.source AND r.vault_id = p.vault_id
    WHERE p.resource_type = 'OS::Nova::Server'
        AND p.usable_at > o.as_of - to_seconds(epoch(s.lookback))
        AND p.usable_at >= r.since - to_seconds(epoch(s.copy_lag))
        AND p.usable_at + to_seconds(epoch(s.copy_lag)) <= coalesce(w.observed_until, o.as_of)
        AND coalesce(p.deleted_at > p.usable_at + to_seconds(epoch(s.copy_lag)), true)
)

SELECT
    e.source,
    e.vault_id,
    any_value(n.vault_name) AS vault_name,
    list_sort(list_distinct(flatten(list(coalesce(e.destination_regions, []))))) AS destination_regions,
    count(*) AS eligible,
    count(*) FILTER (e.copies_ok > 0) AS copied,
    count(*) FILTER (e.lag_hours > e.allowed_hours) AS copied_late,
    count(*) FILTER (e.copies_ok = 0 AND e.copies_open > 0) AS pending,
    count(*) FILTER (e.copies_ok = 0 AND e.copies_open = 0 AND e.copies_failed > 0) AS failed,
    count(*) FILTER (e.first_copy_created_at IS NULL) AS never_tried,
    count(*) FILTER (e.copies_ok > 0) / count(*) AS copied_rate,
    count(*) FILTER (e.lag_hours <= e.allowed_hours) / count(*) AS in_time_rate,
    sum(greatest(0, e.copies_ok + e.copies_failed + e.copies_open - 1))::BIGINT AS retries,
    quantile_cont(e.lag_hours, 0.5) AS lag_p50_hours,
    quantile_cont(e.lag_hours, 0.95) AS lag_p95_hours,
    max(e.lag_hours) AS lag_max_hours
FROM eligible AS e
LEFT JOIN named AS n ON n.source = e.source AND n.vault_id = e.vault_id
GROUP BY e.source, e.vault_id
ORDER BY e.source, copied_rate, e.vault_id
