-- Question: which resources are known, since when, under which schedule, and are they still there?
-- Grain: one row per source and resource that a backup task has named.
-- Definition: name, vault and policy are those of the newest backup day. backup_interval is the longest wait between
--   two expected slots of its schedule, as inferred from the log (schedule_slot), or configured under
--   [[schedules]]; rpo is backup_interval + rpo_grace. removed_at: a successful removal of the resource from its
--   vault, or deletion of its vault, after which no backup was tried.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: schedule_basis tells where it is from: configured; inferred (from the policy's slots);
--   observed (less than 8 days seen: the usual gap between runs); assumed (no policy, or one run only: the
--   default interval). A resource that was never named by a backup task is not known here: the log cannot
--   tell of it. Renamed resources keep their id; those in two vaults are one row with the newest vault.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   provider_id: Provider.
--   project_id: Project.
--   vault_id: Newest vault.
--   vault_name: Its name.
--   policy_id: Newest policy that backed it up; NULL if none ever.
--   schedule_id: Newest schedule.
--   first_attempt_at: When the first backup was tried: enrolment as the log shows it.
--   last_attempt_at: When the last backup was tried.
--   vaults: Vaults it was backed up into in the last 7 backup days it has.
--   backup_interval: Longest planned wait between two backups.
--   schedule_basis: configured, inferred, observed or assumed.
--   rpo: Recovery point objective: interval and grace.
--   removed_at: When it was removed; NULL while it is protected.
--   not_loaded_since: Watermark of its source where that is left out of analytics.as_of: nothing later is known of
--     it. NULL else.
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
        len(list_distinct(flatten(max_by(vault_ids, backup_day, 7)))) AS vaults
    FROM analytics.resource_day
    GROUP BY source, resource_id
),

expected AS (
    SELECT
        source,
        schedule_id,
        (weekday - 1) * 1440 + hour(time_of_day) * 60 + minute(time_of_day) AS minute_of_week,
        last_run_at - first_run_at AS seen_for
    FROM analytics.schedule_slot
    WHERE is_expected
),

gap AS (
    SELECT
        source,
        schedule_id,
        seen_for,
        coalesce(
            lead(minute_of_week) OVER slots,
            10080 + first_value(minute_of_week) OVER slots
        ) - minute_of_week AS minutes
    FROM expected
    WINDOW slots AS (PARTITION BY source, schedule_id ORDER BY minute_of_week)
),

weekly AS (
    SELECT source, schedule_id, max(minutes) * INTERVAL 1 MINUTE AS backup_interval
    FROM gap
    GROUP BY source, schedule_id
    HAVING any_value(seen_for) >= INTERVAL 8 DAY
),

usual AS (
    SELECT source, schedule_id, to_seconds(median(epoch(wait))) AS backup_interval
    FROM (
        SELECT source, schedule_id, slot - lag(slot) OVER (PARTITION BY source, schedule_id ORDER BY slot) AS wait
        FROM (
            SELECT DISTINCT a.source, a.schedule_id, time_bucket(INTERVAL 15 MINUTE, a.created_local) AS slot
            FROM analytics.attempt AS a
            ANTI JOIN weekly AS w USING (source, schedule_id)
            WHERE a.operation_type = 'backup' AND a.schedule_id IS NOT NULL
        )
    )
    WHERE wait > INTERVAL 15 MINUTE
    GROUP BY source, schedule_id
),

removal AS (
    SELECT r.source, r.resource_id, max(coalesce(a.ended_at, a.created_at)) AS removed_at
    FROM resources AS r
    JOIN analytics.attempt AS a USING (source, task_id)
    WHERE r.role = 'removed' AND a.outcome = 'ok'
    GROUP BY ALL
),

vault_end AS (
    SELECT source, vault_id, max(coalesce(ended_at, created_at)) AS deleted_at
    FROM analytics.attempt
    WHERE operation_type = 'vault_delete' AND outcome = 'ok' AND vault_id IS NOT NULL
    GROUP BY ALL
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
    l.vaults,
    coalesce(o.backup_interval, w.backup_interval, u.backup_interval, s.default_interval) AS backup_interval,
    CASE
        WHEN o.backup_interval IS NOT NULL THEN 'configured'
        WHEN w.backup_interval IS NOT NULL THEN 'inferred'
        WHEN u.backup_interval IS NOT NULL THEN 'observed'
        ELSE 'assumed'
    END AS schedule_basis,
    coalesce(o.backup_interval, w.backup_interval, u.backup_interval, s.default_interval) + s.rpo_grace AS rpo,
    least(
        CASE WHEN m.removed_at > l.last_attempt_at THEN m.removed_at END,
        CASE WHEN e.deleted_at > l.last_attempt_at THEN e.deleted_at END
    ) AS removed_at,
    CASE WHEN NOT k.is_included THEN k.watermark END AS not_loaded_since
FROM latest AS l
CROSS JOIN analytics.settings AS s
LEFT JOIN weekly AS w USING (source, schedule_id)
LEFT JOIN usual AS u USING (source, schedule_id)
LEFT JOIN removal AS m USING (source, resource_id)
LEFT JOIN vault_end AS e USING (source, vault_id)
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
