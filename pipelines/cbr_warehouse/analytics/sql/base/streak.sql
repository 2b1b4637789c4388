-- Question: when did backups of a resource begin to fail, how often in a row, and which success ended it?
-- Grain: one row per source, resource and unbroken series of failed backup attempts.
-- Definition: attempts that are ok or failed, ordered by created_at. A streak is the failures between two successes (or
--   before the first, or after the last). recovered_at is the end (updated_at, else created_at, where that is missing) of
--   the success that follows, of whatever kind. Skipped, open and unknown attempts neither belong to a streak nor end it.
-- Settings: none
-- Edge cases: a streak without a success after it is open (recovered_at NULL); views measure it up to analytics.as_of. A
--   single failure is a streak of one.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   streak: Number of the streak of this resource, from 1.
--   failures: Failed attempts in it.
--   first_failed_at: When its first failed attempt was created.
--   last_failed_at: When its last failed attempt was created.
--   first_error_code: Error code of the first failure; NULL where it has none.
--   last_error_code: Error code of the last failure; NULL where it has none.
--   error_codes: All its error codes.
--   first_task_id: First failed task.
--   last_task_id: Last failed task.
--   vault_id: Vault of its earliest failure that names one.
--   project_id: Project of its first failure.
--   recovered_at: End of the success that follows; NULL while the streak is open.
--   recovered_by: Task of that success.
WITH verdict AS (
    SELECT
        *,
        count(*) FILTER (outcome = 'ok') OVER (
            PARTITION BY source, resource_id ORDER BY created_at ASC, task_id ASC
        ) AS ok_before
    FROM touched_backups
    WHERE outcome IN ('ok', 'fail')
),

run AS (
    SELECT
        source,
        resource_id,
        ok_before,
        count(*) AS failures,
        min(created_at) AS first_failed_at,
        max(created_at) AS last_failed_at,
        arg_min_null(error_code, (created_at, task_id)) AS first_error_code,
        arg_max_null(error_code, (created_at, task_id)) AS last_error_code,
        list_sort(list(DISTINCT error_code)) AS error_codes,
        arg_min(task_id, (created_at, task_id)) AS first_task_id,
        arg_max(task_id, (created_at, task_id)) AS last_task_id,
        arg_min(vault_id, (created_at, task_id)) AS vault_id,
        arg_min(project_id, (created_at, task_id)) AS project_id
    FROM verdict
    WHERE outcome = 'fail'
    GROUP BY source, resource_id, ok_before
)

SELECT
    r.source,
    r.resource_id,
    row_number() OVER (PARTITION BY r.source, r.resource_id ORDER BY r.ok_before ASC) AS streak,
    r.failures,
    r.first_failed_at,
    r.last_failed_at,
    r.first_error_code,
    r.last_error_code,
    r.error_codes,
    r.first_task_id,
    r.last_task_id,
    r.vault_id,
    r.project_id,
    coalesce(v.ended_at, v.updated_at, v.created_at) AS recovered_at,
    v.task_id AS recovered_by
FROM run AS r
LEFT JOIN verdict AS v
    ON v.source = r.source AND v.resource_id = r.resource_id
    AND v.outcome = 'ok' AND v.ok_before = r.ok_before + 1
