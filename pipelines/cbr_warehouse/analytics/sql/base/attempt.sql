-- Question: what did each task try, on which resource, and what came of it?
-- Grain: one row per source and task, of every operation type; the resource is the task's primary one.
-- Definition: outcome is ok (success), fail (failed, timeout), skip (skipped), open (running, waiting), else
--   unknown, which never counts as success. backup_day is the local date of created_at, counted from the day
--   anchor: with anchor 18:00 the day of the 5th lasts from the 5th 18:00 to the 6th 18:00. It follows
--   created_at since that never moves. is_scheduled: a policy started it (policy_id; without one, a backup
--   name that begins with autobk_). schedule_id: the policy, or "vault:<id>" where its id is not told.
-- Settings: timezone, day_anchor
-- Edge cases: started_at some milliseconds before created_at is a wait of 0, marked is_wait_clamped. A task
--   that ended before it started has no duration. A blank error code is none. Resources that a task removed
--   are no primary resource.
-- Columns:
--   source: Name of the configured source.
--   task_id: Task id.
--   day: UTC day of created_at.
--   backup_day: Backup day of created_at in the set time zone, from anchor to anchor.
--   created_local: created_at on a clock of the set time zone.
--   operation_type: Task type.
--   status: Task status as received.
--   outcome: ok, fail, skip, open or unknown.
--   project_id: Project.
--   provider_id: Provider.
--   policy_id: Policy that started the task.
--   is_scheduled: Whether a policy started it.
--   schedule_id: What started it: the policy, or the vault's unnamed policy; NULL by hand.
--   vault_id: Vault at the time of the task.
--   vault_name: Name of the vault at the time of the task.
--   checkpoint_id: Restore point, shared by the tasks of one run of a vault.
--   resource_id: Primary resource.
--   resource_name: Its name at the time of the task.
--   resource_type: Its type.
--   created_at: When the task was created.
--   started_at: When it started.
--   ended_at: When it ended; NULL while it is open.
--   updated_at: When it last changed.
--   wait_seconds: From created to started, at least 0.
--   is_wait_clamped: Whether it started before it was created.
--   duration_seconds: From started to ended.
--   progress: Percent.
--   error_code: Error code, NULL when none.
--   error_message: Error text.
--   backup_id: Backup made.
--   backup_name: Its name.
--   is_full: Whether it is a full backup.
--   app_consistency_status: 1 application-consistent, 0 not.
--   app_consistency_error_code: Why not; NULL when none.
--   is_downgraded: Whether application consistency was asked for and the backup is only crash-consistent.
--   source_backup_id: Backup that a replication copies.
--   destination_region: Region it copies to.
--   destination_backup_id: The copy.
--   delete_backup_id: Backup deleted.
--   restore_backup_id: Backup restored from.
--   restore_target_resource_id: Resource restored to.
SELECT
    t.source,
    t.task_id,
    t.day,
    CAST(timezone(s.timezone, t.created_at) - s.day_anchor AS DATE) AS backup_day,
    timezone(s.timezone, t.created_at) AS created_local,
    t.operation_type,
    t.status,
    CASE
        WHEN t.status = 'success' THEN 'ok'
        WHEN t.status IN ('failed', 'timeout') THEN 'fail'
        WHEN t.status = 'skipped' THEN 'skip'
        WHEN t.status IN ('running', 'waiting') THEN 'open'
        ELSE 'unknown'
    END AS outcome,
    t.project_id,
    t.provider_id,
    nullif(t.policy_id, '') AS policy_id,
    coalesce(nullif(t.policy_id, '') IS NOT NULL OR starts_with(t.backup_name, 'autobk_'), false) AS is_scheduled,
    CASE
        WHEN nullif(t.policy_id, '') IS NOT NULL THEN t.policy_id
        WHEN starts_with(t.backup_name, 'autobk_') THEN 'vault:' || nullif(t.vault_id, '')
    END AS schedule_id,
    nullif(t.vault_id, '') AS vault_id,
    nullif(t.vault_name, '') AS vault_name,
    t.checkpoint_id,
    nullif(r.resource_id, '') AS resource_id,
    r.resource_name,
    r.resource_type,
    t.created_at,
    t.started_at,
    t.ended_at,
    t.updated_at,
    CASE WHEN t.started_at IS NOT NULL THEN greatest(0, epoch(t.started_at) - epoch(t.created_at)) END
        AS wait_seconds,
    coalesce(t.started_at < t.created_at, false) AS is_wait_clamped,
    CASE WHEN t.ended_at >= t.started_at THEN epoch(t.ended_at) - epoch(t.started_at) END AS duration_seconds,
    t.progress,
    nullif(trim(t.error_code), '') AS error_code,
    t.error_message,
    nullif(t.backup_id, '') AS backup_id,
    t.backup_name,
    NOT t.backup_incremental AS is_full,
    nullif(t.backup_app_consistency_status, '') AS app_consistency_status,
    nullif(nullif(trim(t.backup_app_consistency_error_code), ''), '0') AS app_consistency_error_code,
    coalesce(
        t.backup_app_consistency_status = '0'
        AND trim(t.backup_app_consistency_error_code) NOT IN ('', '0'), false
    ) AS is_downgraded,
    nullif(p.source_backup_id, '') AS source_backup_id,
    p.destination_region,
    nullif(p.destination_backup_id, '') AS destination_backup_id,
    nullif(t.delete_backup_id, '') AS delete_backup_id,
    nullif(t.restore_backup_id, '') AS restore_backup_id,
    nullif(t.restore_target_resource_id, '') AS restore_target_resource_id
FROM touched_tasks AS t
CROSS JOIN analytics.settings AS s
LEFT JOIN resources AS r
    ON r.source = t.source AND r.task_id = t.task_id AND r.role = 'target' AND r.position = 0
LEFT JOIN replications AS p ON p.source = t.source AND p.task_id = t.task_id
