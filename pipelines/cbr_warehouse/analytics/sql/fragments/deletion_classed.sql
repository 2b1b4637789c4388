-- Gives classed: the rows of analytics.deletion with class and usual_age_days, as views/deletion_class.sql describes them.
retention AS (
    -- Policies and resources by number: a million narrow rows are grouped by them.
    SELECT source, retention_of, row_number() OVER () AS retention_no
    FROM (SELECT DISTINCT source, retention_of FROM analytics.deletion WHERE kind = 'retention')
),

numbered_resource AS (
    SELECT source, resource_id, row_number() OVER () AS resource_no FROM analytics.resource
),

usual AS (
    -- By the oldest of each batch: deleting all backups of a resource at once does not make that usual.
    SELECT n.source, n.retention_of, b.usual_age_days
    FROM (
        SELECT retention_no, round(median(oldest_us), 2) / 86400000000 AS usual_age_days
        FROM (
            SELECT
                n.retention_no,
                r.resource_no,
                CASE WHEN r.resource_no IS NULL THEN d.resource_id END AS unknown_resource_id,
                epoch_us(d.created_at) // 3600000000 AS hour,
                max(d.age_us) AS oldest_us,
                count(*) AS n
            FROM analytics.deletion AS d
            JOIN retention AS n ON n.source = d.source AND n.retention_of = d.retention_of
            LEFT JOIN numbered_resource AS r ON r.source = d.source AND r.resource_id = d.resource_id
            WHERE d.kind = 'retention' AND d.outcome = 'ok' AND d.age_us IS NOT NULL
            GROUP BY ALL
        )
        GROUP BY retention_no
        HAVING sum(n) >= 5
    ) AS b
    JOIN retention AS n ON n.retention_no = b.retention_no
),

classed AS NOT MATERIALIZED (
    SELECT
        d.*,
        CASE WHEN d.kind = 'retention' AND d.age_us / 86400000000 < u.usual_age_days - 1 THEN 'early' ELSE d.kind END AS class,
        u.usual_age_days
    FROM analytics.deletion AS d
    LEFT JOIN usual AS u USING (source, retention_of)
)
