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
WITH deletion AS (
    SELECT
        d.source,
        d.vault_id,
        d.vault_name,
        d.resource_id,
        d.task_id,
        d.request_id,
        d.created_at,
        d.created_at > lag(d.created_at) OVER ordered + INTERVAL 1 HOUR AS is_apart
    FROM analytics.deletion_audit AS d
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    WHERE d.is_mass_delete AND d.created_at >= o.as_of - to_seconds(epoch(s.signal_window)) AND d.created_at <= o.as_of
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
