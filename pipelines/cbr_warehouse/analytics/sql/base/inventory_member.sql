-- Question: which resources are in which vault, and which were?
-- Grain: one row per source, vault and resource that a snapshot ever saw in it.
-- Definition: the newest version in table vault_resources. first_seen_at is the first snapshot of any version, last_seen_at
--   the last; is_current as there. is_backup is false for a vault of protect_type replication, which holds copies.
-- Settings: none
-- Edge cases: a resource that left a vault and came back has one row; first_seen_at is of the first time. The volumes of a
--   server that are left out are in excluded_volumes.
-- Columns:
--   source: Name of the configured source.
--   vault_id: Vault.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   size_gb: Its size in GB.
--   auto_protect: Whether the policy of the vault backs it up; NULL where the source does not say.
--   backup_count: Number of its backups in the vault.
--   backup_size_mb: Their size in MB.
--   excluded_volumes: Ids of volumes that are left out.
--   included_volumes: Ids of volumes that alone are backed up; empty for all.
--   first_seen_at: When a snapshot first saw it in the vault.
--   last_seen_at: When a snapshot last saw it there.
--   is_current: Whether it is in the vault now.
--   is_backup: Whether the vault is one of backups.
WITH newest AS (
    SELECT
        *,
        min(first_seen_at) OVER (PARTITION BY source, vault_id, resource_id) AS seen_from,
        max(version) OVER (PARTITION BY source, vault_id, resource_id) AS newest_version
    FROM main.vault_resources
),

vault AS (
    SELECT source, vault_id, arg_max(protect_type, version) AS protect_type
    FROM main.vaults
    GROUP BY source, vault_id
)

SELECT
    n.source,
    n.vault_id,
    n.resource_id,
    n.resource_name,
    n.resource_type,
    n.size_gb,
    n.auto_protect,
    n.backup_count,
    n.backup_size_mb,
    coalesce(json_extract_string(n.exclude_volumes, '$[*]'), []) AS excluded_volumes,
    coalesce(json_extract_string(n.include_volumes, '$[*].id'), []) AS included_volumes,
    n.seen_from AS first_seen_at,
    n.last_seen_at,
    n.is_current,
    coalesce(v.protect_type <> 'replication', true) AS is_backup
FROM newest AS n
LEFT JOIN vault AS v ON v.source = n.source AND v.vault_id = n.vault_id
WHERE n.version = n.newest_version
