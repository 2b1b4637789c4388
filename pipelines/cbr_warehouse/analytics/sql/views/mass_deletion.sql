-- Question: when were many backups of a vault deleted within an hour, not because they were due?
-- Grain: one row per source, vault and mass deletion.
-- Definition: the deletions of deletion_audit with is_mass_delete; those of a vault with at most an hour between two of them
--   are one mass deletion. The alarm is raised when as many as `mass_delete` of them were created.
-- Settings: mass_delete, signal_window, timezone (of the source, else the global one)
-- Edge cases: as in deletion_audit. A retention that was shortened deletes many backups before their time too, and is here
--   where they are many within an hour.
-- Columns:
--   source: Name of the configured source.
--   vault_id: Vault; NULL where the deletions name none.
--   vault_name: Its name.
--   deletions: Deletions of the mass deletion.
--   resources: Resources whose backups were deleted.
--   began_at: When the first of them was created.
--   raised_at: When so many were created that it was one.
--   last_at: When the last of them was created.
--   request_id: Request of the first, for the vendor's trace service.
WITH span AS (
    -- Once, not for each task: time zones and intervals are slow to compute.
    SELECT
        o.as_of - to_seconds(epoch(s.signal_window)) AS from_at,
        o.as_of - to_seconds(epoch(s.signal_window)) - INTERVAL 2 HOUR AS before_at,
        o.as_of AS to_at
    FROM analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
),

-- include deletion_classed
,

counted AS NOT MATERIALIZED (
    SELECT
        source,
        coalesce(vault_id, '') AS vault_id,
        created_at,
        epoch_us(created_at) // 1000000 AS second,
        class IN ('manual', 'early', 'night') AS is_odd,
        class = 'retention' AS is_due
    FROM classed
    WHERE operation_type = 'delete' AND outcome = 'ok'
),

-- Where more than half of a mass deletion can have been: nearly all vaults are left out.
suspect AS (
    SELECT c.source, c.vault_id
    FROM counted AS c
    CROSS JOIN span AS p
    CROSS JOIN analytics.settings AS s
    WHERE c.is_odd AND c.created_at >= p.before_at
    GROUP BY c.source, c.vault_id
    HAVING 2 * count(*) > any_value(s.mass_delete)
),

instant AS (
    SELECT
        source,
        vault_id,
        second,
        count(*) AS deleted,
        count(*) FILTER (is_odd) AS deleted_odd,
        count(*) FILTER (is_due) AS deleted_due
    FROM counted
    SEMI JOIN suspect USING (source, vault_id)
    GROUP BY source, vault_id, second
),

-- include deletion_burst
,

deletion AS (
    SELECT
        d.source,
        d.vault_id,
        d.vault_name,
        d.resource_id,
        d.task_id,
        d.request_id,
        d.created_at,
        d.created_at > lag(d.created_at) OVER ordered + INTERVAL 1 HOUR AS is_apart
    FROM analytics.deletion AS d
    CROSS JOIN span AS p
    JOIN burst AS b
        ON b.source = d.source AND b.vault_id = coalesce(d.vault_id, '') AND b.second = epoch_us(d.created_at) // 1000000
    WHERE b.is_mass_delete AND d.operation_type = 'delete' AND d.outcome = 'ok'
        AND d.created_at >= p.from_at AND d.created_at <= p.to_at
    WINDOW ordered AS (PARTITION BY d.source, d.vault_id ORDER BY d.created_at ASC, d.task_id ASC)
),

numbered AS (
    SELECT
        *,
        count(*) FILTER (is_apart) OVER (
            PARTITION BY source, vault_id ORDER BY created_at ASC, task_id ASC ROWS UNBOUNDED PRECEDING
        ) AS burst
    FROM deletion
)

SELECT
    n.source,
    n.vault_id,
    arg_max(n.vault_name, n.created_at) AS vault_name,
    count(*) AS deletions,
    count(DISTINCT n.resource_id) AS resources,
    min(n.created_at) AS began_at,
    list_sort(list(n.created_at), 'ASC', 'NULLS LAST')[least(count(*), any_value(s.mass_delete))] AS raised_at,
    max(n.created_at) AS last_at,
    arg_min(n.request_id, (n.created_at, n.task_id)) AS request_id
FROM numbered AS n
CROSS JOIN analytics.settings AS s
GROUP BY n.source, n.vault_id, n.burst
