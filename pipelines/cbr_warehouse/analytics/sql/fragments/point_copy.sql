-- Gives point_copy: the rows of recovery_point_copy of backups whose making is in the log, with their recovery points. Nearly
-- all were copied to one region: their numbers are those of the recovery point, and nothing is counted again.
several AS (
    SELECT * FROM analytics.recovery_point WHERE copies_tried > 0 AND copy_region IS NULL
),

point_copy AS (
    SELECT
        source,
        task_id,
        resource_id,
        vault_id,
        rp_at,
        copy_region AS destination_region,
        copies_ok,
        copies_failed,
        copies_open,
        copies_tried AS tries,
        first_copy_created_at AS first_created_at,
        first_copied_at
    FROM analytics.recovery_point
    WHERE copy_region IS NOT NULL
    UNION ALL
    SELECT
        p.source,
        p.task_id,
        p.resource_id,
        p.vault_id,
        p.rp_at,
        c.destination_region,
        c.copies_ok,
        c.copies_failed,
        c.copies_open,
        c.tries,
        c.first_created_at,
        c.first_copied_at
    FROM several AS p
    JOIN (
        SELECT
            a.source,
            a.source_backup_id,
            coalesce(nullif(a.destination_region, ''), '(unknown)') AS destination_region,
            count(*) FILTER (a.outcome = 'ok') AS copies_ok,
            count(*) FILTER (a.outcome = 'fail') AS copies_failed,
            count(*) FILTER (a.outcome = 'open') AS copies_open,
            count(*) AS tries,
            min(a.created_at) AS first_created_at,
            min(coalesce(a.ended_at, a.updated_at, a.created_at)) FILTER (a.outcome = 'ok') AS first_copied_at
        FROM analytics.attempt AS a
        SEMI JOIN several AS b ON b.source = a.source AND b.backup_id = a.source_backup_id
        GROUP BY ALL
    ) AS c ON c.source = p.source AND c.source_backup_id = p.backup_id
)
