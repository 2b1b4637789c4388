-- Question: was a resource backed up on a backup day, at the first attempt or later?
-- Grain: one row per source, resource and backup day on which at least one backup task was created.
-- Definition: verdict is protected (at least one attempt is ok, manual ones included), else pending (one is still open),
--   else failed, else skipped, else unknown. first_outcome is the outcome of the earliest attempt that is ok or failed.
--   is_rescued: that one failed and a later one of the same backup day is ok.
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: an attempt belongs to the backup day of its created_at: a backup that ends after the anchor still counts for
--   the day it was created in. Days without an attempt have no row; missed_backups lists them. Whether the day is over
--   depends on ends_at and analytics.as_of; no view adds a grace period to ends_at. protected needs one success only: see
--   scheduled_ok and scheduled_ended for a policy that runs several times a day.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   backup_day: Backup day, from anchor to anchor.
--   ends_at: When the backup day ends.
--   verdict: protected, pending, failed, skipped or unknown.
--   first_outcome: ok or fail, of the first attempt with either; NULL if none has.
--   is_rescued: Whether the first attempt failed and a later one was ok.
--   attempts: Backup tasks.
--   ok: Of them successful.
--   failed: Of them failed or timed out.
--   skipped: Of them skipped.
--   open: Of them running or waiting.
--   unknown: Of them in a status that is not known.
--   scheduled: Of them started by a policy.
--   scheduled_ended: Of these successful, failed, timed out or skipped.
--   scheduled_ok: Of these successful.
--   first_created_at: When the first was created.
--   last_created_at: When the last was created.
--   first_ok_at: Earliest end of a successful one; its updated_at, else created_at, where the end is missing.
--   last_error_code: Error code of the last failure.
--   resource_name: Newest name of the day.
--   resource_type: Type of the resource.
--   provider_id: Provider.
--   project_id: Project.
--   vault_id: Vault of the last attempt that names one.
--   vault_name: Newest vault name of the day.
--   vault_ids: All vaults of the day's attempts.
--   policy_id: Policy of the last attempt that had one.
--   schedule_id: Schedule of the last scheduled attempt.
SELECT
    source,
    resource_id,
    backup_day,
    timezone(any_value(c.timezone), (backup_day + INTERVAL 1 DAY)::TIMESTAMP + any_value(c.day_anchor)) AS ends_at,
    CASE
        WHEN count(*) FILTER (outcome = 'ok') > 0 THEN 'protected'
        WHEN count(*) FILTER (outcome = 'open') > 0 THEN 'pending'
        WHEN count(*) FILTER (outcome = 'fail') > 0 THEN 'failed'
        WHEN count(*) FILTER (outcome = 'skip') > 0 THEN 'skipped'
        ELSE 'unknown'
    END AS verdict,
    arg_min(outcome, (created_at, task_id)) FILTER (outcome IN ('ok', 'fail')) AS first_outcome,
    coalesce(
        arg_min(outcome, (created_at, task_id)) FILTER (outcome IN ('ok', 'fail')) = 'fail'
        AND count(*) FILTER (outcome = 'ok') > 0, false
    ) AS is_rescued,
    count(*) AS attempts,
    count(*) FILTER (outcome = 'ok') AS ok,
    count(*) FILTER (outcome = 'fail') AS failed,
    count(*) FILTER (outcome = 'skip') AS skipped,
    count(*) FILTER (outcome = 'open') AS open,
    count(*) FILTER (outcome = 'unknown') AS unknown,
    count(*) FILTER (is_scheduled) AS scheduled,
    count(*) FILTER (is_scheduled AND outcome IN ('ok', 'fail', 'skip')) AS scheduled_ended,
    count(*) FILTER (is_scheduled AND outcome = 'ok') AS scheduled_ok,
    min(created_at) AS first_created_at,
    max(created_at) AS last_created_at,
    min(coalesce(ended_at, updated_at, created_at)) FILTER (outcome = 'ok') AS first_ok_at,
    arg_max_null(error_code, moment) FILTER (outcome = 'fail') AS last_error_code,
    arg_max(resource_name, moment) AS resource_name,
    arg_max(resource_type, moment) AS resource_type,
    arg_max(provider_id, moment) AS provider_id,
    arg_max(project_id, moment) AS project_id,
    arg_max(vault_id, moment) AS vault_id,
    arg_max(vault_name, moment) AS vault_name,
    list_sort(list_distinct(list(vault_id))) AS vault_ids,
    arg_max(policy_id, moment) AS policy_id,
    arg_max(schedule_id, moment) AS schedule_id
FROM (
    -- One number orders the attempts, and those of one moment by their ids: pairs would need far more memory.
    SELECT *, epoch_us(created_at) * 1024 + (md5_number_lower(task_id) % 1024)::BIGINT AS moment
    FROM touched_backups
)
JOIN analytics.source_clock AS c USING (source)
GROUP BY source, resource_id, backup_day
