-- Question: when was each policy known to start backups, and from when until when?
-- Grain: one row per source, policy and series of versions with the same rules, operation and state.
-- Definition: neighboring versions of table policies that have the same rules (policy_schedules), operation_type and enabled
--   are one period, from the first snapshot that saw it to the last. minutes_of_week are the starts by rules that run each
--   week, in minutes since Monday 00:00 UTC, in order. longest_wait is the longest time between two starts: over the week
--   where every rule runs each week; of the single rule where there is one that runs only each n-th day or week; NULL
--   where neither. starts_per_week counts starts in the mean of weeks.
-- Settings: none
-- Edge cases: when a policy was edited between two snapshots is not known: neither period contains that time. longest_wait
--   and starts_per_week are NULL for a policy without a rule, with a rule that is not understood, or with several rules of
--   which one runs only each n-th day or week. Days on which daylight saving changes are no longer or shorter: rules are UTC.
-- Columns:
--   source: Name of the configured source.
--   policy_id: Policy.
--   planned_from: First snapshot that saw it so.
--   planned_until: Last snapshot that saw it so; NULL while it is current.
--   is_current: Whether the policy is so now.
--   operation_type: backup or replication.
--   is_enabled: Whether it ran; true where the source does not say.
--   rules: Its rules as received, in order.
--   is_understood: Whether every rule is understood, and there is one.
--   minutes_of_week: Starts in minutes since Monday 00:00 UTC; empty where they are not the same each week.
--   longest_wait: Longest time between two starts.
--   starts_per_week: Mean number of starts in a week.
WITH version AS (
    SELECT
        p.source,
        p.policy_id,
        p.version,
        p.first_seen_at,
        p.last_seen_at,
        p.is_current,
        coalesce(p.operation_type, 'backup') AS operation_type,
        coalesce(p.enabled, true) AS is_enabled,
        coalesce(list(r.rule ORDER BY r.rule) FILTER (r.rule IS NOT NULL), []) AS rules
    FROM main.policies AS p
    LEFT JOIN main.policy_schedules AS r
        ON r.source = p.source AND r.policy_id = p.policy_id
        AND r.first_seen_at <= p.first_seen_at AND r.last_seen_at >= p.first_seen_at
    GROUP BY ALL
),

marked AS (
    SELECT
        *,
        (operation_type, is_enabled, rules) IS DISTINCT FROM lag((operation_type, is_enabled, rules)) OVER (
            PARTITION BY source, policy_id ORDER BY version ASC
        ) AS is_edited
    FROM version
),

numbered AS (
    SELECT
        *,
        count(*) FILTER (is_edited) OVER (
            PARTITION BY source, policy_id ORDER BY version ASC ROWS UNBOUNDED PRECEDING
        ) AS period
    FROM marked
),

period AS (
    SELECT
        source,
        policy_id,
        period,
        operation_type,
        is_enabled,
        rules,
        min(first_seen_at) AS planned_from,
        max(last_seen_at) AS last_seen_at,
        bool_or(is_current) AS is_current
    FROM numbered
    GROUP BY ALL
),

rule AS (
    SELECT
        p.source,
        p.policy_id,
        p.period,
        r.rule,
        r.is_understood AND NOT (r.frequency = 'DAILY' AND r.every > 1 AND r.weekdays IS NOT NULL) AS is_understood,
        r.every,
        r.frequency,
        list_transform(string_split(r.hours, ','), lambda one: one::BIGINT) AS hours,
        list_transform(string_split(r.minutes, ','), lambda one: one::BIGINT) AS minutes,
        CASE
            WHEN r.weekdays IS NOT NULL THEN list_transform(string_split(r.weekdays, ','), lambda one: one::BIGINT)
            WHEN r.frequency = 'DAILY' AND r.every > 1 THEN [1]
            ELSE [1, 2, 3, 4, 5, 6, 7]
        END AS weekdays
    FROM period AS p
    JOIN main.policy_schedules AS r
        ON r.source = p.source AND r.policy_id = p.policy_id
        AND r.first_seen_at <= p.planned_from AND r.last_seen_at >= p.planned_from
),

start AS (
    SELECT DISTINCT
        source,
        policy_id,
        period,
        CASE WHEN every > 1 THEN rule END AS rule,
        CASE WHEN every > 1 THEN every * (CASE frequency WHEN 'DAILY' THEN 1440 ELSE 10080 END) ELSE 10080 END AS cycle,
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
        coalesce(lead(at_minute) OVER starts, cycle + first_value(at_minute) OVER starts) - at_minute AS minutes
    FROM start
    WINDOW starts AS (PARTITION BY source, policy_id, period, rule ORDER BY at_minute ASC)
),

cycle AS (
    SELECT
        source,
        policy_id,
        period,
        count(DISTINCT coalesce(rule, '')) AS cycles,
        max(minutes) AS longest,
        sum(10080 / cycle) AS per_week,
        list(at_minute ORDER BY at_minute) FILTER (rule IS NULL) AS minutes_of_week
    FROM gap
    GROUP BY source, policy_id, period
),

listed AS (
    SELECT source, policy_id, period, bool_and(is_understood) AS is_understood
    FROM rule
    GROUP BY source, policy_id, period
)

SELECT
    p.source,
    p.policy_id,
    p.planned_from,
    CASE WHEN NOT p.is_current THEN p.last_seen_at END AS planned_until,
    p.is_current,
    p.operation_type,
    p.is_enabled,
    p.rules,
    coalesce(r.is_understood, false) AS is_understood,
    CASE WHEN r.is_understood AND c.cycles = 1 THEN coalesce(c.minutes_of_week, []) ELSE [] END AS minutes_of_week,
    CASE WHEN r.is_understood AND c.cycles = 1 THEN c.longest * INTERVAL 1 MINUTE END AS longest_wait,
    CASE WHEN r.is_understood AND c.cycles = 1 THEN c.per_week END AS starts_per_week
FROM period AS p
LEFT JOIN listed AS r ON r.source = p.source AND r.policy_id = p.policy_id AND r.period = p.period
LEFT JOIN cycle AS c ON c.source = p.source AND c.policy_id = p.policy_id AND c.period = p.period
