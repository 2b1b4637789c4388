-- Question: which resources are there, enrolled or not, and is each protected?
-- Grain: one row per source and resource that can be protected or is in a vault now, by the inventory.
-- Definition: the current protectable resources and the current members of vaults of backups. A disk that is a part of a
--   listed server, and in no vault itself, is judged with the server and has no row, unless the server is enrolled and
--   leaves the disk out. reason, the first that fits, NULL where none does: volume_left_out (such a disk); not_known (in no
--   known vault, and the list of vaults was never complete); removed (in no vault now; it was in one by an earlier snapshot,
--   or a backup task named it); not_protectable (in no vault, and the source says that it cannot be backed up);
--   never_enrolled (in no vault, and no sign that it ever was); no_policy (no policy of backups is linked to its vaults);
--   policy_disabled (all of them are disabled); left_out_of_policy (its vaults' policies do not back it up: auto_protect is
--   false); no_recovery_point (no usable backup, by the list of backups, nor by the log unless a complete list taken later
--   shows none; in a vault for longer than its rpo). is_within_rpo: the bucket of resource_protection is within_rpo; for a
--   resource that the log does not name, its newest listed backup is no older than rpo.
-- Settings: rpo_grace, default_interval, [[schedules]] (through analytics.resource)
-- Edge cases: no row of a source without an inventory. What is current is as of the newest complete snapshot of each list
--   (inventory_list). Policies that are not known give no reason. rpo of a resource that the log does not name is
--   rpo_grace and what its policies plan (inventory_schedule), else default_interval.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Its name.
--   resource_type: Its type, such as OS::Nova::Server.
--   object_type: Type under which it is listed as protectable; NULL if it is not listed.
--   size_gb: Its size in GB.
--   tags: Its tags as key=value, in order.
--   enterprise_project_id: Its enterprise project, else that of its vault.
--   vaults: Vaults of backups that it is in.
--   vault_id: One of them, with an enabled policy if there is one.
--   vault_name: Its name.
--   policy_id: Policy of that vault.
--   policy_name: Its name.
--   is_enrolled: Whether it is in a vault of backups.
--   is_known: Whether is_enrolled can be relied on.
--   has_recovery_point: Whether a usable backup is known.
--   is_within_rpo: Whether that one is recent enough.
--   last_backup_at: The newest usable backup, by the log or the list of backups.
--   reason: Why it is not protected; NULL where it is.
--   first_seen_at: When a snapshot first saw it, as protectable or in a vault.
--   since: Since when the reason is known to hold.
--   not_protectable_because: Why it cannot be backed up, as the source says.
WITH listed AS (
    SELECT
        source,
        max(complete_at) FILTER (kind = 'vaults') AS vaults_at,
        max(complete_at) FILTER (kind = 'backups') AS backups_at
    FROM analytics.inventory_list
    GROUP BY source
),

member AS (
    SELECT
        m.*,
        v.vault_name,
        v.enterprise_project_id,
        v.policies,
        v.enabled_policies,
        v.policy_id,
        v.policy_name,
        coalesce(m.auto_protect, true) AS is_auto_protected
    FROM analytics.inventory_member AS m
    JOIN analytics.inventory_vault AS v ON v.source = m.source AND v.vault_id = m.vault_id
    WHERE m.is_current AND m.is_backup
),

enrolled AS (
    SELECT
        source,
        resource_id,
        arg_min_null(resource_name, vault_id) AS resource_name,
        arg_min_null(resource_type, vault_id) AS resource_type,
        max(size_gb) AS size_gb,
        count(*) AS vaults,
        arg_min(vault_id, (coalesce(enabled_policies, 0) = 0, vault_id)) AS vault_id,
        arg_min_null(vault_name, (coalesce(enabled_policies, 0) = 0, vault_id)) AS vault_name,
        arg_min_null(enterprise_project_id, (coalesce(enabled_policies, 0) = 0, vault_id)) AS enterprise_project_id,
        arg_min_null(policy_id, (coalesce(enabled_policies, 0) = 0, vault_id)) AS policy_id,
        arg_min_null(policy_name, (coalesce(enabled_policies, 0) = 0, vault_id)) AS policy_name,
        sum(policies) AS policies,
        sum(enabled_policies) AS enabled_policies,
        count(*) FILTER (enabled_policies > 0 AND is_auto_protected) AS backing_up,
        min(first_seen_at) AS first_seen_at,
        flatten(list(excluded_volumes)) AS excluded_volumes,
        flatten(list(included_volumes)) AS included_volumes
    FROM member
    GROUP BY source, resource_id
),

past AS (
    SELECT source, resource_id, max(last_seen_at) AS left_after
    FROM analytics.inventory_member
    WHERE is_backup
    GROUP BY source, resource_id
),

item AS (
    SELECT
        p.*,
        p.server_id IS NOT NULL AS is_part,
        coalesce(
            list_contains(s.excluded_volumes, p.resource_id)
            OR (len(s.included_volumes) > 0 AND NOT list_contains(s.included_volumes, p.resource_id)), false
        ) AS is_left_out
    FROM analytics.inventory_protectable AS p
    LEFT JOIN enrolled AS s ON s.source = p.source AND s.resource_id = p.server_id
),

known AS (
    SELECT
        coalesce(p.source, e.source) AS source,
        coalesce(p.resource_id, e.resource_id) AS resource_id,
        coalesce(p.resource_name, e.resource_name) AS resource_name,
        coalesce(p.resource_type, e.resource_type) AS resource_type,
        p.object_type,
        coalesce(p.size_gb, e.size_gb) AS size_gb,
        coalesce(p.tags, []) AS tags,
        coalesce(p.enterprise_project_id, e.enterprise_project_id) AS enterprise_project_id,
        coalesce(e.vaults, 0) AS vaults,
        coalesce(e.vault_id, p.protecting_vault_id) AS vault_id,
        coalesce(e.vault_name, p.protecting_vault_name) AS vault_name,
        e.policy_id,
        e.policy_name,
        e.policies,
        e.enabled_policies,
        e.backing_up,
        e.vaults IS NOT NULL OR (l.vaults_at IS NULL AND p.protecting_vault_id IS NOT NULL) AS is_enrolled,
        l.vaults_at IS NOT NULL OR e.vaults IS NOT NULL OR p.protecting_vault_id IS NOT NULL AS is_known,
        coalesce(p.is_left_out, false) AS is_left_out,
        p.is_protectable,
        p.not_protectable_because,
        least(p.first_seen_at, e.first_seen_at) AS first_seen_at,
        p.first_seen_at AS listed_at,
        e.first_seen_at AS enrolled_at,
        l.backups_at
    FROM item AS p
    FULL JOIN enrolled AS e ON e.source = p.source AND e.resource_id = p.resource_id
    LEFT JOIN listed AS l ON l.source = coalesce(p.source, e.source)
    WHERE e.vaults IS NOT NULL OR NOT p.is_part OR p.is_left_out
),

judged AS (
    SELECT
        k.*,
        h.left_after,
        g.first_attempt_at,
        g.last_attempt_at,
        g.removed_at,
        coalesce(
            g.rpo_hours, epoch(coalesce(i.backup_interval, s.default_interval) + s.rpo_grace) / 3600
        ) AS rpo_hours,
        coalesce(b.usable_backups > 0, false)
        OR coalesce(g.recovery_points > 0 AND (k.backups_at IS NULL OR k.backups_at <= g.last_rp_usable_at), false) AS has_recovery_point,
        g.bucket,
        greatest(g.last_rp_at, b.last_backup_at) AS last_backup_at,
        o.as_of
    FROM known AS k
    CROSS JOIN analytics.settings AS s
    LEFT JOIN analytics.as_of AS o ON true
    LEFT JOIN past AS h ON h.source = k.source AND h.resource_id = k.resource_id
    LEFT JOIN analytics.resource_protection AS g ON g.source = k.source AND g.resource_id = k.resource_id
    LEFT JOIN analytics.inventory_schedule AS i ON i.source = k.source AND i.resource_id = k.resource_id
    LEFT JOIN analytics.inventory_backup AS b ON b.source = k.source AND b.resource_id = k.resource_id
),

reasoned AS (
    SELECT
        *,
        CASE
            WHEN is_left_out AND NOT is_enrolled THEN 'volume_left_out'
            WHEN NOT is_known THEN 'not_known'
            WHEN NOT is_enrolled AND (left_after IS NOT NULL OR first_attempt_at IS NOT NULL) THEN 'removed'
            WHEN NOT is_enrolled AND NOT coalesce(is_protectable, true) THEN 'not_protectable'
            WHEN NOT is_enrolled THEN 'never_enrolled'
            WHEN policies = 0 THEN 'no_policy'
            WHEN enabled_policies = 0 THEN 'policy_disabled'
            WHEN enabled_policies > 0 AND backing_up = 0 THEN 'left_out_of_policy'
            WHEN NOT has_recovery_point AND coalesce(enrolled_at, first_seen_at) <= as_of - to_hours(ceil(rpo_hours)::BIGINT)
                THEN 'no_recovery_point'
        END AS reason
    FROM judged
)

SELECT
    source,
    resource_id,
    resource_name,
    resource_type,
    object_type,
    size_gb,
    tags,
    enterprise_project_id,
    vaults,
    vault_id,
    vault_name,
    policy_id,
    policy_name,
    is_enrolled,
    is_known,
    has_recovery_point,
    has_recovery_point AND coalesce(
        bucket = 'within_rpo', epoch(as_of) - epoch(last_backup_at) <= rpo_hours * 3600, false
    ) AS is_within_rpo,
    CASE WHEN has_recovery_point THEN last_backup_at END AS last_backup_at,
    reason,
    first_seen_at,
    CASE
        WHEN reason IN ('never_enrolled', 'not_protectable', 'volume_left_out') THEN listed_at
        WHEN reason = 'removed' THEN coalesce(removed_at, left_after, last_attempt_at)
        WHEN reason IN ('no_policy', 'policy_disabled', 'left_out_of_policy', 'no_recovery_point')
            THEN coalesce(enrolled_at, first_seen_at)
    END AS since,
    not_protectable_because
FROM reasoned
