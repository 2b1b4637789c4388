-- Question: what did each task try, on which resource, and how did it end?
-- Grain: one row per source and task, of every operation type; the resource is the task's primary one.
-- Definition: outcome is ok (status success), fail (failed, timeout), skip (skipped), open (running, waiting) or unknown
--   (any other status; never counted as a success). backup_day is the date of created_at on the source's local clock
--   minus the source's day anchor: with anchor 18:00 the backup day of the 5th lasts from the 5th 18:00 to the 6th 18:00.
--   It depends on created_at alone because that never changes. is_scheduled: the task has a policy_id, or its backup
--   name begins with autobk_. schedule_id is the policy_id; without one, for a name that begins with autobk_,
--   "vault:VAULT_ID".
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: a started_at before created_at gives a wait of 0 and is_wait_clamped. A task that ended before it started
--   has no duration. A blank error code is NULL. Resources that a task removes are not its primary resource.
-- Columns:
--   source: Name of the configured source.
--   task_id: Task id.
--   day: UTC day of created_at.
--   backup_day: Backup day of created_at.
--   created_local: created_at on the source's local clock, without a zone.
--   operation_type: Task type.
--   status: Task status as received.
--   outcome: ok, fail, skip, open or unknown.
--   project_id: Project.
--   provider_id: Provider.
--   policy_id: Policy that started the task; NULL where it is missing or empty.
--   is_scheduled: Whether a policy started it.
--   schedule_id: Policy that started it, or "vault:ID" for a policy whose id is missing; NULL for a manual task.
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
--   wait_seconds: From created_at to started_at, at least 0.
--   is_wait_clamped: Whether started_at is before created_at.
--   duration_seconds: From started_at to ended_at; NULL where ended_at is before started_at.
--   progress: Percent.
--   error_code: Error code; NULL where it is blank.
--   error_message: Error text.
--   backup_id: Backup made.
--   backup_name: Its name.
--   is_full: Whether it is a full backup.
--   app_consistency_status: 1 application-consistent, 0 not.
--   app_consistency_error_code: Why it is not; NULL where it is blank or 0.
--   is_downgraded: Status 0 with an error code that is neither blank nor 0, so only crash-consistent against intent.
--   source_backup_id: Backup that a replication copies.
--   destination_region: Region it copies to.
--   destination_backup_id: The copy.
--   delete_backup_id: Backup deleted.
--   delete_backup_name: Name of the backup deleted; NULL where it is missing or empty.
--   restore_backup_id: Backup restored from.
--   restore_target_resource_id: Resource restored to.
--   request_id: Request that started the task, for the vendor's trace service.
--   sync_backup_num: (sync) Backups synchronized.
--   sync_delete_backup_num: (sync) Backups deleted.
--   sync_err_sync_backup_num: (sync) Backups that could not be synchronized.
--   remove_resources_fail_count: (remove_resource) Resources that could not be removed.
--   remove_resources_total_count: (remove_resource) Backups deleted.
--   vault_delete_fail_count: (vault_delete) Resources that could not be removed.
--   vault_delete_total_count: (vault_delete) Backups deleted.
--   first_seen_at: When a load first received the task.
--   end_seen_at: When a load first received it with an end; NULL until then.
--   last_news_at: When a load last received a version of it that was new.
WITH
-- DuckDB prepares the zone anew for each row where it is a column: what a clock is ahead of UTC is computed once for each
-- hour, and for each task of an hour in which it changes.
hour AS (
    SELECT
        source,
        hour,
        epoch_us(timezone(c.timezone, make_timestamptz(hour * 3600000000))) - hour * 3600000000 AS ahead_us,
        epoch_us(timezone(c.timezone, make_timestamptz((hour + 1) * 3600000000 - 1))) - (hour + 1) * 3600000000 + 1
            = ahead_us AS is_whole
    FROM (SELECT DISTINCT source, epoch_us(created_at) // 3600000000 AS hour FROM touched_tasks)
    JOIN analytics.source_clock AS c USING (source)
),

task AS (
    SELECT
        t.*,
        c.day_anchor,
        CASE
            WHEN h.is_whole THEN make_timestamp(epoch_us(t.created_at) + h.ahead_us)
            ELSE timezone(c.timezone, t.created_at)
        END AS created_local
    FROM touched_tasks AS t
    JOIN analytics.source_clock AS c ON c.source = t.source
    LEFT JOIN hour AS h ON h.source = t.source AND h.hour = epoch_us(t.created_at) // 3600000000
),

-- include task_sighting

SELECT
    t.source,
    t.task_id,
    t.day,
    CAST(t.created_local - t.day_anchor AS DATE) AS backup_day,
    t.created_local,
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
    CASE WHEN t.started_at IS NOT NULL THEN greatest(0, epoch_us(t.started_at) - epoch_us(t.created_at)) / 1000000 END
        AS wait_seconds,
    coalesce(t.started_at < t.created_at, false) AS is_wait_clamped,
    CASE WHEN t.ended_at >= t.started_at THEN (epoch_us(t.ended_at) - epoch_us(t.started_at)) / 1000000 END AS duration_seconds,
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
    nullif(t.delete_backup_name, '') AS delete_backup_name,
    nullif(t.restore_backup_id, '') AS restore_backup_id,
    nullif(t.restore_target_resource_id, '') AS restore_target_resource_id,
    t.request_id,
    t.sync_backup_num,
    t.sync_delete_backup_num,
    t.sync_err_sync_backup_num,
    t.remove_resources_fail_count,
    t.remove_resources_total_count,
    t.vault_delete_fail_count,
    t.vault_delete_total_count,
    g.first_seen_at,
    g.end_seen_at,
    g.last_news_at
FROM task AS t
LEFT JOIN touched_resources AS r
    ON r.source = t.source AND r.task_id = t.task_id AND r.role = 'target' AND r.position = 0
LEFT JOIN touched_replications AS p ON p.source = t.source AND p.task_id = t.task_id
LEFT JOIN task_sighting AS g ON g.source = t.source AND g.task_id = t.task_id
