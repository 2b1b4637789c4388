-- Reads instant(source, vault_id, second, deleted, deleted_odd, deleted_due), the successful delete tasks of vaults by second;
-- vault_id is '' where they name none. Gives burst(source, vault_id, second, burst_size, is_mass_delete), as
-- views/deletion_audit.sql describes them.
rolling AS (
    SELECT
        source,
        vault_id,
        second,
        deleted,
        (sum(deleted) OVER hour_before)::BIGINT AS n,
        (sum(deleted_odd) OVER hour_before)::BIGINT AS odd,
        (sum(deleted_due) OVER hour_before)::BIGINT AS due
    FROM instant
    WINDOW hour_before AS (
        PARTITION BY source, vault_id ORDER BY second ASC RANGE BETWEEN 3600 PRECEDING AND CURRENT ROW
    )
),

candidate AS (
    SELECT source, vault_id, second // 3600 AS hour
    FROM rolling
    CROSS JOIN analytics.settings
    WHERE odd + due >= mass_delete AND odd > due
    GROUP BY ALL
),

busy_hour AS (
    SELECT source, vault_id, second // 3600 AS hour, sum(deleted)::BIGINT AS n
    FROM rolling
    GROUP BY ALL
),

usual_hour AS (
    SELECT
        c.source,
        c.vault_id,
        c.hour,
        CASE
            WHEN count(h.n) >= 5 THEN median(h.n) + 10 * greatest(mad(h.n), median(h.n) / 10)
            ELSE 0
        END AS threshold
    FROM candidate AS c
    LEFT JOIN busy_hour AS h
        ON h.source = c.source AND h.vault_id = c.vault_id AND abs(h.hour - c.hour) > 12
    GROUP BY c.source, c.vault_id, c.hour
),

burst AS (
    SELECT
        r.source,
        r.vault_id,
        r.second,
        max(r.n) OVER hour_after AS burst_size,
        bool_or(r.odd + r.due >= s.mass_delete AND r.odd > r.due AND r.n > u.threshold) OVER hour_after AS is_mass_delete
    FROM rolling AS r
    CROSS JOIN analytics.settings AS s
    LEFT JOIN usual_hour AS u ON u.source = r.source AND u.vault_id = r.vault_id AND u.hour = r.second // 3600
    WINDOW hour_after AS (
        PARTITION BY r.source, r.vault_id ORDER BY r.second ASC RANGE BETWEEN CURRENT ROW AND 3600 FOLLOWING
    )
)
