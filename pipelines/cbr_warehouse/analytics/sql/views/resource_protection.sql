-- Question: how old is the newest backup of each resource, and is that recent enough?
-- Grain: one row per source and resource first tried at or before analytics.as_of, removed ones included.
-- Definition: the newest recovery point is the one with the latest rp_at of those with usable_at and no deleted_at at or
--   before analytics.as_of; age_hours is the time since its rp_at. bucket, the first that fits: removed (removed_at is not
--   after analytics.as_of); not_loaded (the source is excluded from analytics.as_of, so the age of its newest backup is not
--   known); within_rpo (age <= rpo); within_2x_rpo (age <= twice rpo); within_7d (age <= 168 h); older_than_7d; and without
--   a usable recovery point none_left (there was one, all are deleted), new (first tried less than rpo ago) or never.
-- Settings: rpo_grace, default_interval, [[schedules]] (through analytics.resource)
-- Edge cases: rpo is interval and grace of the resource, so a weekly policy is not late after a day. Ages are measured at
--   analytics.as_of, so a late load makes nothing look late. Deletions that name no backup (with a vault, with a resource, by a
--   sync) are not known. A resource that no backup task ever named is not in the log.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   provider_id: Provider.
--   project_id: Project.
--   vault_id: Newest vault.
--   vault_name: Its name.
--   policy_id: Newest policy; NULL if none ever.
--   schedule_basis: Origin of its interval: configured, policy, inferred, observed or assumed.
--   backup_interval: Longest planned wait between two backups.
--   rpo: Recovery point objective: interval and grace.
--   first_attempt_at: When its first backup task was created.
--   last_attempt_at: When its last backup task was created.
--   last_rp_at: Moment that the newest usable recovery point restores to.
--   last_rp_usable_at: When that one became usable.
--   last_rp_task_id: Task that made it.
--   last_rp_backup_id: Its backup id.
--   last_rp_is_full: Whether it is a full backup.
--   recovery_points: Recovery points usable and not deleted at analytics.as_of.
--   recovery_points_made: Recovery points usable at some time up to analytics.as_of, deleted or not.
--   age_hours: From last_rp_at to analytics.as_of; NULL without one, and of a source excluded from analytics.as_of.
--   rpo_hours: rpo in hours.
--   bucket: within_rpo, within_2x_rpo, within_7d, older_than_7d, none_left, never, new, removed or not_loaded.
--   removed_at: When it was removed; NULL while it is protected.
--   not_loaded_since: Watermark of its source where that is excluded; NULL else.
WITH point AS (
    SELECT
        p.source,
        p.resource_id,
        count(*) AS made,
        count(*) FILTER (coalesce(p.deleted_at > o.as_of, true)) AS usable,
        max(p.rp_at) FILTER (coalesce(p.deleted_at > o.as_of, true)) AS last_rp_at
    FROM analytics.recovery_point AS p
    CROSS JOIN analytics.as_of AS o
    WHERE p.usable_at <= o.as_of
    GROUP BY p.source, p.resource_id
),

newest AS (
    SELECT
        p.source,
        p.resource_id,
        max(p.usable_at) AS usable_at,
        arg_max(p.task_id, (p.usable_at, p.task_id)) AS task_id,
        arg_max_null(p.backup_id, (p.usable_at, p.task_id)) AS backup_id,
        arg_max_null(p.is_full, (p.usable_at, p.task_id)) AS is_full
    FROM analytics.recovery_point AS p
    JOIN point AS n ON n.source = p.source AND n.resource_id = p.resource_id AND n.last_rp_at = p.rp_at
    CROSS JOIN analytics.as_of AS o
    WHERE p.usable_at <= o.as_of AND coalesce(p.deleted_at > o.as_of, true)
    GROUP BY p.source, p.resource_id
),

aged AS (
    SELECT
        r.*,
        p.last_rp_at,
        n.usable_at AS last_rp_usable_at,
        n.task_id AS last_rp_task_id,
        n.backup_id AS last_rp_backup_id,
        n.is_full AS last_rp_is_full,
        coalesce(p.usable, 0) AS recovery_points,
        coalesce(p.made, 0) AS recovery_points_made,
        CASE WHEN r.not_loaded_since IS NULL THEN (epoch_us(o.as_of) - epoch_us(p.last_rp_at)) / 3600000000 END AS age_hours,
        (epoch_us(o.as_of) - epoch_us(r.first_attempt_at)) / 3600000000 AS known_hours,
        epoch(r.rpo) / 3600 AS rpo_hours,
        coalesce(r.removed_at <= o.as_of, false) AS is_removed
    FROM analytics.resource AS r
    CROSS JOIN analytics.as_of AS o
    LEFT JOIN point AS p USING (source, resource_id)
    LEFT JOIN newest AS n USING (source, resource_id)
    WHERE r.first_attempt_at <= o.as_of
)

SELECT
    source,
    resource_id,
    resource_name,
    resource_type,
    provider_id,
    project_id,
    vault_id,
    vault_name,
    policy_id,
    schedule_basis,
    backup_interval,
    rpo,
    first_attempt_at,
    last_attempt_at,
    last_rp_at,
    last_rp_usable_at,
    last_rp_task_id,
    last_rp_backup_id,
    last_rp_is_full,
    recovery_points,
    recovery_points_made,
    age_hours,
    rpo_hours,
    CASE
        WHEN is_removed THEN 'removed'
        WHEN not_loaded_since IS NOT NULL THEN 'not_loaded'
        WHEN age_hours <= rpo_hours THEN 'within_rpo'
        WHEN age_hours <= 2 * rpo_hours THEN 'within_2x_rpo'
        WHEN age_hours <= 168 THEN 'within_7d'
        WHEN age_hours IS NOT NULL THEN 'older_than_7d'
        WHEN recovery_points_made > 0 THEN 'none_left'
        WHEN known_hours < rpo_hours THEN 'new'
        ELSE 'never'
    END AS bucket,
    removed_at,
    not_loaded_since
FROM aged
