-- Question: which resources are known, since when, under which schedule, and are they still protected?
-- Grain: one row per source and resource that a backup task has named.
-- Definition: name, vault and policy are those of the newest backup day with one. backup_interval is, in this order: the
--   interval configured under [[schedules]] for the resource, else for its policy, else for its vault (configured); the
--   longest wait that the policies of its vaults plan by the inventory (inventory_schedule), or, where it is in none by
--   the inventory, that policy_id plans while it is enabled (policy); the wait that the log shows of its schedule
--   (schedule_interval: inferred or observed); default_interval (assumed). rpo is backup_interval + rpo_grace.
--   removed_at: the resource counts as removed where it has left every vault that it was
--   tried in on its last 7 backup days with a task; it left a vault with a successful remove_resource task for it or a
--   successful vault_delete task, either of that vault (vault_id) and after its last attempt there. removed_at is the time
--   at which it left the last of them; of several such tasks of one vault the earliest counts.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: a removal from a vault that the resource was moved out of before, or was never tried in, removes nothing; a
--   removal task without a vault_id counts for every vault. Resources that no backup task ever named are unknown: the log
--   does not list them. A renamed resource keeps its id; one in two vaults has one row with the newest vault.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   provider_id: Provider.
--   project_id: Project.
--   vault_id: Newest vault.
--   vault_name: Its name.
--   policy_id: Newest policy that backed it up; NULL if none ever did.
--   schedule_id: Newest schedule.
--   first_attempt_at: When its first backup task was created: the log's only sign of its enrollment.
--   last_attempt_at: When its last backup task was created.
--   vaults: Vaults it was tried in on its last 7 backup days with a task.
--   backup_interval: Longest planned wait between two backups.
--   schedule_basis: configured, policy, inferred, observed or assumed.
--   rpo: Recovery point objective: backup_interval + rpo_grace.
--   removed_at: When it was removed; NULL while it is protected.
--   not_loaded_since: Watermark of its source where that is excluded from analytics.as_of, since nothing later is known of
--       the resource; NULL else.
WITH latest AS (
    SELECT
        source,
        resource_id,
        arg_max(resource_name, backup_day) AS resource_name,
        arg_max(resource_type, backup_day) AS resource_type,
        arg_max(provider_id, backup_day) AS provider_id,
        arg_max(project_id, backup_day) AS project_id,
        arg_max(vault_id, backup_day) AS vault_id,
        arg_max(vault_name, backup_day) AS vault_name,
        arg_max(policy_id, backup_day) AS policy_id,
        arg_max(schedule_id, backup_day) AS schedule_id,
        min(first_created_at) AS first_attempt_at,
        max(last_created_at) AS last_attempt_at,
        list_distinct(flatten(max_by(vault_ids, backup_day, 7))) AS vault_ids
    FROM analytics.resource_day
    GROUP BY source, resource_id
),

planned AS (
    SELECT
        l.source,
        l.resource_id,
        CASE WHEN i.resource_id IS NULL THEN p.longest_wait ELSE i.backup_interval END AS backup_interval
    FROM latest AS l
    LEFT JOIN analytics.inventory_schedule AS i ON i.source = l.source AND i.resource_id = l.resource_id
    LEFT JOIN analytics.inventory_policy AS p
        ON p.source = l.source AND p.policy_id = l.policy_id AND p.operation_type = 'backup' AND p.is_enabled
),

membership AS (
    SELECT
        source,
        resource_id,
        last_attempt_at,
        len(vault_ids) AS vaults,
        unnest(CASE WHEN len(vault_ids) > 0 THEN vault_ids ELSE [NULL] END) AS vault_id
    FROM latest
),

departure AS (
    SELECT m.*, coalesce(a.ended_at, a.created_at) AS left_at
    FROM main.resources AS r
    JOIN analytics.attempt AS a ON a.source = r.source AND a.task_id = r.task_id
    JOIN membership AS m
        ON m.source = r.source AND m.resource_id = r.resource_id AND coalesce(m.vault_id = a.vault_id, true)
    WHERE r.role = 'removed' AND a.operation_type = 'remove_resource' AND a.outcome = 'ok'
    UNION ALL
    SELECT m.*, coalesce(a.ended_at, a.created_at)
    FROM analytics.attempt AS a
    JOIN membership AS m ON m.source = a.source AND m.vault_id = a.vault_id
    WHERE a.operation_type = 'vault_delete' AND a.outcome = 'ok'
),

-- The last attempt was later, and may have been in another vault.
doubtful_departure AS (
    SELECT *
    FROM departure
    WHERE vaults > 1 AND left_at <= last_attempt_at
),

final_departure AS (
    SELECT source, resource_id, vault_id, left_at
    FROM departure
    WHERE left_at > last_attempt_at
    UNION ALL
    -- Attempts without a vault could be in any of them.
    SELECT d.source, d.resource_id, d.vault_id, d.left_at
    FROM doubtful_departure AS d
    JOIN (
        SELECT b.*
        FROM analytics.attempt AS b
        -- Of a list DuckDB expects few rows, as there are; else it makes a hash table of all backups.
        SEMI JOIN (
            SELECT unnest(list(DISTINCT {'source': source, 'resource_id': resource_id})) AS key
            FROM doubtful_departure
        ) AS k ON k.key.source = b.source AND k.key.resource_id = b.resource_id
        WHERE b.operation_type = 'backup'
    ) AS a ON a.source = d.source AND a.resource_id = d.resource_id
    WHERE coalesce(a.vault_id = d.vault_id, true)
    GROUP BY d.source, d.resource_id, d.vault_id, d.left_at
    HAVING max(a.created_at) < d.left_at
),

gone AS (
    SELECT source, resource_id, count(*) AS vaults, max(left_at) AS removed_at
    FROM (
        SELECT source, resource_id, vault_id, min(left_at) AS left_at
        FROM final_departure
        GROUP BY source, resource_id, vault_id
    )
    GROUP BY source, resource_id
)

SELECT
    l.source,
    l.resource_id,
    l.resource_name,
    l.resource_type,
    l.provider_id,
    l.project_id,
    l.vault_id,
    l.vault_name,
    l.policy_id,
    l.schedule_id,
    l.first_attempt_at,
    l.last_attempt_at,
    len(l.vault_ids) AS vaults,
    coalesce(o.backup_interval, p.backup_interval, w.backup_interval, s.default_interval) AS backup_interval,
    CASE
        WHEN o.backup_interval IS NOT NULL THEN 'configured'
        WHEN p.backup_interval IS NOT NULL THEN 'policy'
        ELSE coalesce(w.basis, 'assumed')
    END AS schedule_basis,
    coalesce(o.backup_interval, p.backup_interval, w.backup_interval, s.default_interval) + s.rpo_grace AS rpo,
    CASE WHEN g.vaults >= greatest(1, len(l.vault_ids)) THEN g.removed_at END AS removed_at,
    CASE WHEN NOT k.is_included THEN k.watermark END AS not_loaded_since
FROM latest AS l
CROSS JOIN analytics.settings AS s
LEFT JOIN planned AS p USING (source, resource_id)
LEFT JOIN analytics.schedule_interval AS w USING (source, schedule_id)
LEFT JOIN gone AS g USING (source, resource_id)
LEFT JOIN analytics.source_watermark AS k USING (source)
LEFT JOIN LATERAL (
    SELECT v.backup_interval
    FROM analytics.schedule_override AS v
    WHERE v.resource_id = l.resource_id
        OR v.policy_id = l.policy_id
        OR v.vault_id = l.vault_id
    ORDER BY v.resource_id IS NULL, v.policy_id IS NULL
    LIMIT 1
) AS o ON true
