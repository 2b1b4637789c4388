-- Question: which resources have been restored successfully, when, and how long did it take?
-- Grain: one row per source and resource: those not removed and of a source not excluded from analytics.as_of, and those
--   with a restore.
-- Definition: restore tasks created before analytics.as_of, by the resource whose backup was restored; where the making of
--   that backup is not in the log, by the resource of the task. tested_within: last_ok_restore_at, the latest end (created_at
--   where it is missing) of a successful one, is less than restore_test before analytics.as_of.
-- Settings: restore_test
-- Edge cases: the log does not tell drills from emergencies. In place: the target of the restore is that resource. Resources
--   without a restore have zeros. Percentiles interpolate.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource whose backup was restored.
--   resource_name: Newest name.
--   resource_type: Type.
--   restores_ok: Successful restores.
--   restores_failed: Failed ones.
--   restores_open: Those under way.
--   success_rate: restores_ok / (restores_ok + restores_failed).
--   last_ok_restore_at: Latest end of a successful one.
--   last_task_id: That task.
--   tested_within: Whether that is less than restore_test before analytics.as_of.
--   tested_365d: Whether that is less than 8,760 hours before analytics.as_of.
--   in_place: Successful restores to the resource itself.
--   to_other: Successful restores to another.
--   p50_seconds: Median duration of successful ones.
--   max_seconds: Longest.
--   removed_at: When the resource was removed; NULL while it is protected.
--   not_loaded_since: Watermark of its source where that is excluded; NULL else.
WITH restore AS (
    SELECT
        a.source,
        coalesce(p.resource_id, a.resource_id) AS resource_id,
        count(*) FILTER (a.outcome = 'ok') AS restores_ok,
        count(*) FILTER (a.outcome = 'fail') AS restores_failed,
        count(*) FILTER (a.outcome = 'open') AS restores_open,
        max(coalesce(a.ended_at, a.created_at)) FILTER (a.outcome = 'ok') AS last_ok_restore_at,
        arg_max(a.task_id, (coalesce(a.ended_at, a.created_at), a.task_id)) FILTER (a.outcome = 'ok') AS last_task_id,
        count(*) FILTER (
            a.outcome = 'ok' AND a.restore_target_resource_id = coalesce(p.resource_id, a.resource_id)
        ) AS in_place,
        count(*) FILTER (
            a.outcome = 'ok' AND a.restore_target_resource_id <> coalesce(p.resource_id, a.resource_id)
        ) AS to_other,
        round(quantile_cont((a.duration_seconds * 1000000)::BIGINT, 0.5) FILTER (a.outcome = 'ok'), 2) / 1000000 AS p50_seconds,
        max(a.duration_seconds) FILTER (a.outcome = 'ok') AS max_seconds
    FROM analytics.attempt AS a
    LEFT JOIN analytics.recovery_point AS p ON p.source = a.source AND p.backup_id = a.restore_backup_id
    CROSS JOIN analytics.as_of AS o
    WHERE a.operation_type = 'restore' AND coalesce(a.created_at < o.as_of, true)
        AND coalesce(p.resource_id, a.resource_id) IS NOT NULL
    GROUP BY ALL
)

SELECT
    coalesce(r.source, t.source) AS source,
    coalesce(r.resource_id, t.resource_id) AS resource_id,
    r.resource_name,
    r.resource_type,
    coalesce(t.restores_ok, 0) AS restores_ok,
    coalesce(t.restores_failed, 0) AS restores_failed,
    coalesce(t.restores_open, 0) AS restores_open,
    t.restores_ok / nullif(t.restores_ok + t.restores_failed, 0) AS success_rate,
    t.last_ok_restore_at,
    t.last_task_id,
    coalesce(t.last_ok_restore_at > o.as_of - to_seconds(epoch(s.restore_test)), false) AS tested_within,
    coalesce(t.last_ok_restore_at > o.as_of - INTERVAL 8760 HOUR, false) AS tested_365d,
    coalesce(t.in_place, 0) AS in_place,
    coalesce(t.to_other, 0) AS to_other,
    t.p50_seconds,
    t.max_seconds,
    r.removed_at,
    r.not_loaded_since
FROM analytics.resource AS r
FULL JOIN restore AS t ON t.source = r.source AND t.resource_id = r.resource_id
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
WHERE t.resource_id IS NOT NULL OR coalesce(least(r.removed_at, r.not_loaded_since) > o.as_of, true)
