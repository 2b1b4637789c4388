-- Question: since when are backups of a policy deleted younger than before?
-- Grain: one row per source, policy (vault, where the policy is missing) and shortening.
-- Definition: of the successful deletions by day (class retention or early of deletion_class) of automatic backups whose
--   making is in the log, the age of a day is the median, over the resources, of the youngest backup deleted of each on
--   that local day. Its usual age is the median of the up to 14 days with deletions before, at least 3. The retention was
--   shortened where the age of a day and of the next day with deletions are both more than `retention_cut` below the usual
--   age of the first; the alarm is raised with the first deletion of the second. Days in a row below are one row.
-- Settings: retention_cut, expiry_from, expiry_until, signal_window, schedule_window, timezone (of the source, else the
--   global one)
-- Edge cases: deletions at night and of manual backups are no retention. A deletion in bulk by day is followed by days with
--   the usual age, and is in mass_deletion. Backups older than the log have no age: a retention is known only once the log
--   is older than it.
-- Columns:
--   source: Name of the configured source.
--   policy_id: Policy of the backups; NULL where it is missing.
--   vault_id: Newest vault of the deletions.
--   vault_name: Its name.
--   usual_age_days: Usual age before.
--   age_days: Age of the first day.
--   deletions: Deletions on the first day.
--   began_at: First deletion of the first day.
--   raised_at: First deletion of the next day with deletions.
WITH span AS (
    -- Once, not for each deletion: intervals are slow to compute.
    SELECT o.as_of - to_seconds(epoch(s.signal_window) + epoch(s.schedule_window)) AS from_at
    FROM analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
),

deletion AS (
    SELECT
        d.source,
        d.policy_id,
        coalesce(d.policy_id, 'vault:' || d.vault_id) AS retention_of,
        d.vault_id,
        d.vault_name,
        d.resource_id,
        d.created_at,
        d.created_local::DATE AS day,
        d.age_us
    FROM analytics.deletion AS d
    CROSS JOIN span AS p
    WHERE d.kind = 'retention' AND d.outcome = 'ok' AND d.age_us IS NOT NULL
        AND d.created_at >= p.from_at
),

youngest AS (
    SELECT
        source,
        any_value(policy_id) AS policy_id,
        retention_of,
        resource_id,
        day,
        arg_max(vault_id, created_at) AS vault_id,
        arg_max(vault_name, created_at) AS vault_name,
        min(age_us) / 86400000000 AS age_days,
        count(*) AS deletions,
        min(created_at) AS began_at
    FROM deletion
    GROUP BY source, retention_of, resource_id, day
),

daily AS (
    SELECT
        source,
        any_value(policy_id) AS policy_id,
        retention_of,
        day,
        arg_max(vault_id, began_at) AS vault_id,
        arg_max(vault_name, began_at) AS vault_name,
        median(age_days) AS age_days,
        sum(deletions)::BIGINT AS deletions,
        min(began_at) AS began_at
    FROM youngest
    GROUP BY source, retention_of, day
),

compared AS (
    SELECT
        *,
        median(age_days) OVER before AS usual_age_days,
        count(*) OVER before AS days_before,
        lead(age_days) OVER days AS next_age_days,
        lead(began_at) OVER days AS raised_at
    FROM daily
    WINDOW
        days AS (PARTITION BY source, retention_of ORDER BY day ASC),
        before AS (PARTITION BY source, retention_of ORDER BY day ASC ROWS BETWEEN 14 PRECEDING AND 1 PRECEDING)
),

judged AS (
    SELECT
        c.*,
        c.days_before >= 3
            AND greatest(c.age_days, c.next_age_days) < c.usual_age_days - epoch(s.retention_cut) / 86400 AS is_short
    FROM compared AS c
    CROSS JOIN analytics.settings AS s
),

begun AS (
    SELECT *, coalesce(lag(is_short) OVER (PARTITION BY source, retention_of ORDER BY day ASC), false) AS was_short
    FROM judged
)

SELECT
    b.source,
    b.policy_id,
    b.vault_id,
    b.vault_name,
    b.usual_age_days,
    b.age_days,
    b.deletions,
    b.began_at,
    b.raised_at
FROM begun AS b
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
WHERE b.is_short AND NOT b.was_short
    AND b.raised_at >= o.as_of - to_seconds(epoch(s.signal_window)) AND b.raised_at <= o.as_of
