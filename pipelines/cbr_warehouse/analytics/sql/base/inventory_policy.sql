-- Question: which policies are there, and when do they start?
-- Grain: one row per source and policy that is current.
-- Definition: the current version of table policies with its current rules (policy_schedules) as lists: minutes_of_week are
--   the starts by rules that run each week, in minutes since Monday 00:00 UTC, in order; period_minutes, first and last
--   minute and longest gap are of a single rule that runs only each n-th day or week. longest_wait is the longest time
--   between two starts: over the week where every rule runs each week; of the single rule otherwise; NULL where neither.
--   starts_per_week counts starts in the mean of weeks.
-- Settings: none
-- Edge cases: longest_wait and starts_per_week are NULL for a policy without a rule, with a rule that is not understood, or
--   with several rules of which one runs only each n-th day or week. Days on which daylight saving changes are no longer or
--   shorter: rules are UTC.
-- Columns:
--   source: Name of the configured source.
--   policy_id: Policy.
--   policy_name: Its name.
--   operation_type: backup or replication.
--   is_enabled: Whether it runs; true where the source does not say.
--   rules: Its rules as received, in order.
--   is_understood: Whether every rule is understood, and there is one.
--   minutes_of_week: Starts in minutes since Monday 00:00 UTC; empty where they are not the same each week.
--   longest_wait: Longest time between two starts.
--   starts_per_week: Mean number of starts in a week.
--   retention_duration_days: Days that a backup is kept; -1 for no limit by time.
--   max_backups: Backups kept of a resource; -1 for no limit by number.
--   first_seen_at: When a snapshot first saw the policy with any content.
--   vaults: Vaults linked to it now.
WITH rule AS (
    SELECT
        source,
        policy_id,
        rule,
        is_understood AND NOT (frequency = 'DAILY' AND every > 1 AND weekdays IS NOT NULL) AS is_understood,
        every,
        frequency,
        list_transform(string_split(hours, ','), lambda one: one::BIGINT) AS hours,
        list_transform(string_split(minutes, ','), lambda one: one::BIGINT) AS minutes,
        CASE
            WHEN weekdays IS NOT NULL THEN list_transform(string_split(weekdays, ','), lambda one: one::BIGINT)
            WHEN frequency = 'DAILY' AND every > 1 THEN [1]
            ELSE [1, 2, 3, 4, 5, 6, 7]
        END AS weekdays
    FROM main.policy_schedules
    WHERE is_current
),

start AS (
    SELECT DISTINCT
        source,
        policy_id,
        CASE WHEN every > 1 THEN rule END AS rule,
        CASE WHEN every > 1 THEN every * (CASE frequency WHEN 'DAILY' THEN 1440 ELSE 10080 END) ELSE 10080 END AS period,
        (weekday - 1) * 1440 + hour * 60 + minute AS at_minute
    FROM (
        SELECT r.*, h.hour, m.minute, d.weekday
        FROM rule AS r
        CROSS JOIN unnest(r.hours) AS h(hour)
        CROSS JOIN unnest(r.minutes) AS m(minute)
        CROSS JOIN unnest(r.weekdays) AS d(weekday)
        WHERE r.is_understood
    )
),

gap AS (
    SELECT
        *,
        coalesce(lead(at_minute) OVER starts, period + first_value(at_minute) OVER starts) - at_minute AS minutes
    FROM start
    WINDOW starts AS (PARTITION BY source, policy_id, rule ORDER BY at_minute ASC)
),

cycle AS (
    SELECT
        source,
        policy_id,
        count(DISTINCT coalesce(rule, '')) AS cycles,
        max(minutes) AS longest,
        sum(10080 / period) AS per_week,
        list(at_minute ORDER BY at_minute) FILTER (rule IS NULL) AS minutes_of_week
    FROM gap
    GROUP BY source, policy_id
),

listed AS (
    SELECT source, policy_id, list(rule ORDER BY rule) AS rules, bool_and(is_understood) AS is_understood
    FROM rule
    GROUP BY source, policy_id
),

linked AS (
    SELECT source, policy_id, count(*) AS vaults
    FROM main.policy_vaults
    WHERE is_current
    GROUP BY source, policy_id
),

seen AS (
    SELECT source, policy_id, min(first_seen_at) AS first_seen_at
    FROM main.policies
    GROUP BY source, policy_id
)

SELECT
    p.source,
    p.policy_id,
    p.policy_name,
    coalesce(p.operation_type, 'backup') AS operation_type,
    coalesce(p.enabled, true) AS is_enabled,
    coalesce(r.rules, []) AS rules,
    coalesce(r.is_understood, false) AS is_understood,
    CASE WHEN r.is_understood AND c.cycles = 1 THEN coalesce(c.minutes_of_week, []) ELSE [] END AS minutes_of_week,
    CASE WHEN r.is_understood AND c.cycles = 1 THEN c.longest * INTERVAL 1 MINUTE END AS longest_wait,
    CASE WHEN r.is_understood AND c.cycles = 1 THEN c.per_week END AS starts_per_week,
    p.retention_duration_days,
    p.max_backups,
    s.first_seen_at,
    coalesce(l.vaults, 0) AS vaults
FROM main.policies AS p
JOIN seen AS s ON s.source = p.source AND s.policy_id = p.policy_id
LEFT JOIN listed AS r ON r.source = p.source AND r.policy_id = p.policy_id
LEFT JOIN cycle AS c ON c.source = p.source AND c.policy_id = p.policy_id
LEFT JOIN linked AS l ON l.source = p.source AND l.policy_id = p.policy_id
WHERE p.is_current
