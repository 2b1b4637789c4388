-- Question: how full is each vault, how fast does it grow, and when will it be full?
-- Grain: one row per source and vault that is current.
-- Definition: used_share = used / size. growth_gb_per_day is the slope of a line of least squares through the use at the first
--   and last sighting of each version (inventory_size) seen in the `schedule_window` before its newest sighting; NULL with
--   less than one day between. days_until_full = (size - used) / growth_gb_per_day where that is above zero and the vault
--   does not grow on its own; 0 where it is full. previous_used_gb is that of the version before.
-- Settings: schedule_window
-- Edge cases: GB are 1024 MB. A vault paid by use without a limit may have no size: no share then. A vault whose backups were
--   deleted in the meantime has a line that says little. As of the newest snapshot, not of analytics.as_of.
-- Columns:
--   source: Name of the configured source.
--   vault_id: Vault.
--   vault_name: Its name.
--   object_type: What it protects.
--   protect_type: backup or replication.
--   status: Its status.
--   enterprise_project_id: Enterprise project; 0 is the default one.
--   size_gb: Capacity in GB.
--   used_gb: Used capacity in GB.
--   used_share: used / size.
--   allocated_gb: Capacity of its resources in GB.
--   resources: Resources in it.
--   previous_used_gb: Used capacity of the version before; NULL for the first one.
--   growth_gb_per_day: Growth of use in GB a day.
--   days_until_full: Days until it is full at that growth; NULL if it does not grow.
--   auto_expand: Whether its capacity grows on its own.
--   threshold: Percentage of use from which a notification is sent.
--   charging_mode: post_paid or pre_paid.
--   spec_code: Specification that is billed.
--   order_id: Order of a vault paid by term.
--   product_id: Product of that order.
--   seen_at: When a snapshot last saw it.
WITH current AS (
    SELECT *
    FROM analytics.inventory_size
    WHERE is_current
),

point AS (
    SELECT s.source, s.vault_id, s.used_mb / 1024 AS used_gb, unnest([s.first_seen_at, s.last_seen_at]) AS seen_at
    FROM analytics.inventory_size AS s
    WHERE s.used_mb IS NOT NULL
),

growth AS (
    SELECT
        c.source,
        c.vault_id,
        CASE
            WHEN max(epoch(p.seen_at)) - min(epoch(p.seen_at)) >= 86400
                THEN regr_slope(p.used_gb, epoch(p.seen_at) / 86400)
        END AS gb_per_day
    FROM current AS c
    CROSS JOIN analytics.settings AS g
    JOIN point AS p
        ON p.source = c.source AND p.vault_id = c.vault_id
        AND p.seen_at >= c.last_seen_at - to_seconds(epoch(g.schedule_window))
    GROUP BY c.source, c.vault_id
),

member AS (
    SELECT source, vault_id, count(*) AS resources
    FROM analytics.inventory_member
    WHERE is_current
    GROUP BY source, vault_id
)

SELECT
    c.source,
    c.vault_id,
    v.vault_name,
    v.object_type,
    v.protect_type,
    v.status,
    v.enterprise_project_id,
    c.size_gb,
    c.used_mb / 1024 AS used_gb,
    c.used_mb / 1024 / nullif(c.size_gb, 0) AS used_share,
    c.allocated_gb,
    coalesce(m.resources, 0) AS resources,
    p.used_mb / 1024 AS previous_used_gb,
    g.gb_per_day AS growth_gb_per_day,
    CASE
        WHEN coalesce(c.auto_expand, false) OR coalesce(c.size_gb, 0) <= 0 THEN NULL
        WHEN c.used_mb >= c.size_gb * 1024 THEN 0
        WHEN g.gb_per_day > 0 THEN (c.size_gb - c.used_mb / 1024) / g.gb_per_day
    END AS days_until_full,
    c.auto_expand,
    c.threshold,
    c.charging_mode,
    c.spec_code,
    c.order_id,
    c.product_id,
    c.last_seen_at AS seen_at
FROM current AS c
JOIN analytics.inventory_vault AS v ON v.source = c.source AND v.vault_id = c.vault_id
LEFT JOIN analytics.inventory_size AS p
    ON p.source = c.source AND p.vault_id = c.vault_id AND p.version = c.version - 1
LEFT JOIN growth AS g ON g.source = c.source AND g.vault_id = c.vault_id
LEFT JOIN member AS m ON m.source = c.source AND m.vault_id = c.vault_id
