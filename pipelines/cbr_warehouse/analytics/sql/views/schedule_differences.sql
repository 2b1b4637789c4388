-- Question: where does the schedule inferred from the log differ from the exact one, and what does that change?
-- Grain: one row per source, policy of backups and difference.
-- Definition: rules are expanded to starts of the week and moved to the local clock of the source, as of the week before
--   analytics.as_of; inferred slots are those of schedule_slot that are expected and have not moved away. A start and a slot
--   are the same where the slot begins in the hour from the quarter of an hour of the start on. difference: not_understood
--   (a rule cannot be read, nothing is compared); runs_while_disabled (the policy is disabled and has expected slots);
--   never_ran (enabled, has starts, and the log shows no run); start_not_seen (a start without a slot); slot_not_planned (a
--   slot without a start); interval (exact_interval and inferred_interval of policy_schedule differ by more than 30 minutes).
-- Settings: schedule_window, timezone (of the source, else the global one)
-- Edge cases: rules that run only each n-th day or week have no starts of the week; their interval alone is compared. A policy
--   that was edited shows its new starts as not seen until the log has two days with them.
-- Columns:
--   source: Name of the configured source.
--   policy_id: Policy.
--   policy_name: Its name.
--   difference: not_understood, runs_while_disabled, never_ran, start_not_seen, slot_not_planned or interval.
--   weekday: ISO day of the week on the local clock, 1 is Monday; NULL where it is not about one start.
--   time_of_day: Local time; NULL where it is not about one start.
--   exact_interval: Longest wait by the rules.
--   inferred_interval: Longest wait by the log.
--   meaning: What it means for the figures.
WITH policy AS (
    SELECT p.*, c.timezone, o.as_of
    FROM analytics.inventory_policy AS p
    JOIN analytics.source_clock AS c ON c.source = p.source
    CROSS JOIN analytics.as_of AS o
    WHERE p.operation_type = 'backup'
),

start AS (
    -- The start of each minute of the week in the seven days before as_of.
    SELECT
        source,
        policy_id,
        timezone(
            timezone,
            monday + to_minutes(at_minute) - CASE WHEN monday + to_minutes(at_minute) > as_of THEN INTERVAL 168 HOUR ELSE INTERVAL 0 HOUR END
        ) AS local_at
    FROM (
        SELECT
            source,
            policy_id,
            timezone,
            as_of,
            timezone('UTC', date_trunc('week', timezone('UTC', as_of))) AS monday,
            unnest(minutes_of_week) AS at_minute
        FROM policy
        WHERE is_enabled
    )
),

planned AS (
    SELECT
        source,
        policy_id,
        isodow(local_at) AS weekday,
        local_at::TIME AS time_of_day,
        (isodow(local_at) - 1) * 1440 + hour(local_at) * 60 + minute(local_at) // 15 * 15 AS at_minute
    FROM start
),

slot AS (
    SELECT
        source,
        schedule_id AS policy_id,
        weekday,
        time_of_day,
        (weekday - 1) * 1440 + hour(time_of_day) * 60 + minute(time_of_day) AS at_minute
    FROM analytics.schedule_slot
    WHERE is_expected AND expected_until IS NULL
),

matched AS (
    SELECT DISTINCT l.source, l.policy_id, l.at_minute AS planned_minute, s.at_minute AS slot_minute
    FROM planned AS l
    JOIN slot AS s
        ON s.source = l.source AND s.policy_id = l.policy_id AND (s.at_minute - l.at_minute + 10080) % 10080 < 60
),

ran AS (
    SELECT source, policy_id
    FROM slot
    GROUP BY source, policy_id
),

found AS (
    SELECT source, policy_id, 'not_understood' AS difference, NULL::BIGINT AS weekday, NULL::TIME AS time_of_day
    FROM policy
    WHERE len(rules) > 0 AND NOT is_understood
    UNION ALL
    SELECT p.source, p.policy_id, 'runs_while_disabled', NULL, NULL
    FROM policy AS p
    JOIN ran AS r ON r.source = p.source AND r.policy_id = p.policy_id
    WHERE NOT p.is_enabled
    UNION ALL
    SELECT p.source, p.policy_id, 'never_ran', NULL, NULL
    FROM policy AS p
    LEFT JOIN ran AS r ON r.source = p.source AND r.policy_id = p.policy_id
    WHERE p.is_enabled AND p.is_understood AND p.vaults > 0 AND r.source IS NULL
    UNION ALL
    SELECT l.source, l.policy_id, 'start_not_seen', l.weekday, l.time_of_day
    FROM planned AS l
    JOIN ran AS r ON r.source = l.source AND r.policy_id = l.policy_id
    LEFT JOIN matched AS m
        ON m.source = l.source AND m.policy_id = l.policy_id AND m.planned_minute = l.at_minute
    WHERE m.source IS NULL
    UNION ALL
    SELECT s.source, s.policy_id, 'slot_not_planned', s.weekday, s.time_of_day
    FROM slot AS s
    JOIN policy AS p ON p.source = s.source AND p.policy_id = s.policy_id
    LEFT JOIN matched AS m ON m.source = s.source AND m.policy_id = s.policy_id AND m.slot_minute = s.at_minute
    WHERE m.source IS NULL AND p.is_enabled AND len(p.minutes_of_week) > 0
    UNION ALL
    SELECT source, policy_id, 'interval', NULL, NULL
    FROM analytics.policy_schedule
    WHERE NOT agrees AND is_enabled
)

SELECT
    f.source,
    f.policy_id,
    p.policy_name,
    f.difference,
    f.weekday,
    f.time_of_day,
    p.exact_interval,
    p.inferred_interval,
    CASE f.difference
        WHEN 'not_understood' THEN 'a rule of the policy cannot be read: figures use what the log shows'
        WHEN 'runs_while_disabled' THEN 'the policy is disabled: backups that the log shows are expected no more'
        WHEN 'never_ran' THEN 'the policy has not run: the log names no resource that it should back up'
        WHEN 'start_not_seen' THEN 'a backup at this time is planned, and the log does not show that it is usual'
        WHEN 'slot_not_planned' THEN 'the log shows backups at this time, and none is planned: none is expected'
        ELSE format(
            'the policy plans {:.1f} h between backups, and the log shows {:.1f} h; RPO is judged by {}',
            epoch(p.exact_interval) / 3600,
            epoch(p.inferred_interval) / 3600,
            coalesce(format('{:.1f} h', epoch(p.interval_in_use) / 3600), 'neither')
        )
    END AS meaning
FROM found AS f
JOIN analytics.policy_schedule AS p ON p.source = f.source AND p.policy_id = f.policy_id
