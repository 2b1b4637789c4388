-- Title: No success in part only
-- Version: 1
-- Question: did a task end with status success although parts of its work failed?
-- Population: tasks; successful syncs, removals of resources and deletions of vaults in the window
-- Grain: one row per source and task.
-- Definition: fails where partial_success has the task.
-- Window: lookback
-- Missing days: may hide failures
-- Settings: lookback
-- Edge cases: only these types of task count their parts.
-- Clauses:
--   NIS2 Art. 21(2)(c): shows that the status of no task hides a failure.
--   SOC 2 A1.2: shows that no failure was found where the status does not show it.
SELECT
    a.source,
    a.task_id AS item,
    coalesce(nullif(a.vault_name, ''), a.vault_id, a.task_id) AS name,
    p.task_id IS NOT NULL AS fails,
    format('{} failed in {}: {}', p.failed_unit, a.operation_type, p.failed_parts) AS why,
    a.created_at AS since,
    p.failed_parts AS worst
FROM analytics.attempt AS a
LEFT JOIN analytics.partial_success AS p ON p.source = a.source AND p.task_id = a.task_id
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
WHERE a.operation_type IN ('sync', 'remove_resource', 'vault_delete') AND a.outcome = 'ok'
    AND a.created_at > o.as_of - to_seconds(epoch(s.lookback)) AND a.created_at <= o.as_of
