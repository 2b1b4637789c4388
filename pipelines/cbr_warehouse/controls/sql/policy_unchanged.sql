-- Title: No policy edited
-- Version: 1
-- Question: did any policy begin to run at other times or on other days?
-- Population: schedules; those that ran in the window
-- Grain: one row per source and schedule of schedule_run.
-- Definition: fails where policy_edited has the schedule with raised_at in the window.
-- Alarm: policy_edited
-- Window: lookback
-- Missing days: may hide failures
-- Settings: lookback, timezone
-- Edge cases: inferred from the runs; the log does not contain the policies. An edit on purpose fails too, unless an
--   exception names the schedule.
-- Clauses:
--   DORA Art. 12(1)(a): shows that the times and days of backups did not change unnoticed.
--   NIST CP-9 a, b: shows that backups keep their frequency.
--   SOC 2 A1.2: shows that changes of backup schedules are detected.
SELECT
    r.source,
    r.schedule_id AS item,
    coalesce(nullif(max(e.vault_name), ''), r.schedule_id) AS name,
    count(e.raised_at) > 0 AS fails,
    format(
        'runs at other times or days since {} local time: new {}, old {}',
        strftime(max(timezone(c.timezone, e.edited_by)), '%Y-%m-%d %H:%M'),
        coalesce(max(array_to_string(list_transform(e.new_times, lambda t: strftime(DATE '2000-01-01' + t, '%H:%M')), ' ')), max(array_to_string(e.new_weekdays, ' ')), 'none'),
        coalesce(max(array_to_string(list_transform(e.old_times, lambda t: strftime(DATE '2000-01-01' + t, '%H:%M')), ' ')), max(array_to_string(e.old_weekdays, ' ')), 'none')
    ) AS why,
    min(e.edited_by) AS since,
    count(DISTINCT e.edited_by) AS worst
FROM (
    SELECT DISTINCT r.source, r.schedule_id
    FROM analytics.schedule_run AS r
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    WHERE r.run_started_at > o.as_of - to_seconds(epoch(s.lookback)) AND r.run_started_at <= o.as_of
) AS r
JOIN analytics.source_clock AS c ON c.source = r.source
LEFT JOIN (
    SELECT p.*
    FROM analytics.policy_edited AS p
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    WHERE p.raised_at > o.as_of - to_seconds(epoch(s.lookback))
) AS e ON e.source = r.source AND e.schedule_id = r.schedule_id
GROUP BY r.source, r.schedule_id
