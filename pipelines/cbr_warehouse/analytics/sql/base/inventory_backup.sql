-- Question: which resources have a backup, by the source's own list of backups?
-- Grain: one row per source and resource with a backup that is current.
-- Definition: counts the current rows of table backups by resource. A backup is usable while its status is available,
--   restoring or missing, and its image_type is not replication.
-- Settings: none
-- Edge cases: backups that the log never named are here, such as those made before the log began. No row of a source whose
--   backups are not listed.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   backups: Backups listed.
--   usable_backups: Of them usable.
--   last_backup_at: created_at of the newest usable one.
SELECT
    source,
    resource_id,
    count(*) AS backups,
    count(*) FILTER (
        coalesce(status, 'available') IN ('available', 'restoring') AND coalesce(image_type, '') <> 'replication'
    ) AS usable_backups,
    max(created_at) FILTER (
        coalesce(status, 'available') IN ('available', 'restoring') AND coalesce(image_type, '') <> 'replication'
    ) AS last_backup_at
FROM main.backups
WHERE is_current AND resource_id IS NOT NULL
GROUP BY source, resource_id
