-- Question: which vaults are there, and does a policy back up what is in them?
-- Grain: one row per source and vault that is current.
-- Definition: the current version of table vaults. policies counts the current policies of operation_type backup that are
--   linked to it (policy_vaults), enabled_policies those that are not disabled; policy_id is one of them, an enabled one
--   first. first_seen_at is the first snapshot of any version.
-- Settings: none
-- Edge cases: policies and enabled_policies are NULL where the list of policies was never read completely: then nothing is
--   known of them. A policy without operation_type counts as one of backups, one whose `enabled` is missing as enabled.
-- Columns:
--   source: Name of the configured source.
--   vault_id: Vault.
--   vault_name: Its name.
--   object_type: What it protects: server, disk, turbo and so on.
--   protect_type: backup or replication.
--   status: Its status.
--   enterprise_project_id: Enterprise project; 0 is the default one.
--   created_at: When it was created.
--   first_seen_at: When a snapshot first saw it.
--   policies: Policies of backups linked to it; NULL where policies are not known.
--   enabled_policies: Of them enabled.
--   policy_id: One of them, an enabled one if there is one.
--   policy_name: Its name.
--   tags: Its tags as key=value, in order.
WITH policy AS (
    SELECT
        l.source,
        l.vault_id,
        count(*) AS policies,
        count(*) FILTER (coalesce(p.enabled, true)) AS enabled_policies,
        arg_min(p.policy_id, (NOT coalesce(p.enabled, true), p.policy_id)) AS policy_id,
        arg_min_null(p.policy_name, (NOT coalesce(p.enabled, true), p.policy_id)) AS policy_name
    FROM main.policy_vaults AS l
    JOIN main.policies AS p ON p.source = l.source AND p.policy_id = l.policy_id
    WHERE l.is_current AND p.is_current AND coalesce(p.operation_type, 'backup') = 'backup'
    GROUP BY l.source, l.vault_id
),

tag AS (
    SELECT source, vault_id, list_sort(list(tag_key || '=' || coalesce(tag_value, ''))) AS tags
    FROM main.vault_tags
    WHERE is_current
    GROUP BY source, vault_id
),

known AS (
    SELECT source FROM main.inventory_snapshots WHERE kind = 'policies' AND state = 'complete' GROUP BY source
),

seen AS (
    SELECT source, vault_id, min(first_seen_at) AS first_seen_at
    FROM main.vaults
    GROUP BY source, vault_id
)

SELECT
    v.source,
    v.vault_id,
    v.vault_name,
    v.object_type,
    v.protect_type,
    v.status,
    v.enterprise_project_id,
    v.created_at,
    s.first_seen_at,
    CASE WHEN k.source IS NOT NULL THEN coalesce(p.policies, 0) END AS policies,
    CASE WHEN k.source IS NOT NULL THEN coalesce(p.enabled_policies, 0) END AS enabled_policies,
    p.policy_id,
    p.policy_name,
    coalesce(t.tags, []) AS tags
FROM main.vaults AS v
JOIN seen AS s ON s.source = v.source AND s.vault_id = v.vault_id
LEFT JOIN policy AS p ON p.source = v.source AND p.vault_id = v.vault_id
LEFT JOIN tag AS t ON t.source = v.source AND t.vault_id = v.vault_id
LEFT JOIN known AS k ON k.source = v.source
WHERE v.is_current
