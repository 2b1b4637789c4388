-- Question: at which times of the week does a policy start its backups?
-- Grain: one row per source, schedule, time of day and weekday: those at which it ran in the last `schedule_window`, and those at
--   which it is expected to run.
-- Definition: from the runs (schedule_run) of the `schedule_window` before the source's observed_until. A run belongs to the
--   time of day of its slot_local; where the schedule ran more often at an earlier time less than an hour before, to
--   that time, as a run that started late. A time has moved away on expected_until, its last run, where another time of
--   the schedule was first seen later and was seen on two days. possible counts such weekdays from the first run at that
--   time of day to the last run of the schedule (to expected_until, where it moved away). A slot is expected where the
--   time was seen on at least two days, or is the only one of its schedule, and one of these holds: (1) the schedule
--   ran at that time on at least half of the days on which it usually runs since it first ran then, and at the slot in
--   at least half of possible; or (2) as (1), but the weekday occurred at most once since, the schedule did not run at
--   the slot, and usually runs on that weekday at some time; or (3) it ran at the slot at least twice, and in at least
--   half of possible. A schedule usually runs on a weekday if it ran on at least half of such days from its first to
--   its last run.
-- Settings: schedule_window, timezone (of the source, else the global one)
-- Edge cases: inferred, because the log does not contain the policies. With less than a week of runs only the weekdays
--   seen are expected.
-- Columns:
--   source: Name of the configured source.
--   schedule_id: Policy id, or "vault:ID".
--   weekday: ISO day of the week, 1 is Monday.
--   time_of_day: Local time, in steps of 15 minutes.
--   seen: Days on which it ran at this slot.
--   possible: Days on which it could have run at this slot.
--   is_expected: Whether a run is expected at this slot.
--   first_run_at: First run of the schedule in the `schedule_window`, local.
--   last_run_at: Last run of the schedule in the `schedule_window`, local.
--   expected_from: First run at this time of day, local: no run is expected at it before.
--   expected_until: Last run at this time of day, local, where the schedule moved to another time; NULL else.
WITH run AS (
    SELECT DISTINCT r.source, r.schedule_id, r.slot_local::DATE AS day, r.slot_local::TIME AS time_of_day
    FROM analytics.schedule_run AS r
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    LEFT JOIN analytics.source_watermark AS w ON w.source = r.source
    WHERE r.run_started_at > coalesce(w.observed_until, o.as_of) - to_seconds(epoch(s.schedule_window))
        AND r.run_started_at < coalesce(w.observed_until, o.as_of)
),

frequency AS (
    SELECT source, schedule_id, time_of_day, count(*) AS days, max(day) AS last_day
    FROM run
    GROUP BY source, schedule_id, time_of_day
),

nominal AS (
    -- The most frequent time of the hour before is the one a late run belongs to.
    SELECT
        f.source,
        f.schedule_id,
        f.time_of_day,
        arg_max(e.time_of_day, (e.days, -epoch(e.time_of_day))) AS nominal_time
    FROM frequency AS f
    JOIN frequency AS e
        ON e.source = f.source AND e.schedule_id = f.schedule_id
        AND e.time_of_day <= f.time_of_day AND epoch(f.time_of_day) - epoch(e.time_of_day) < 3600
    GROUP BY f.source, f.schedule_id, f.time_of_day
),

ran AS (
    SELECT DISTINCT r.source, r.schedule_id, r.day, n.nominal_time AS time_of_day
    FROM run AS r
    JOIN nominal AS n ON n.source = r.source AND n.schedule_id = r.schedule_id AND n.time_of_day = r.time_of_day
),

span AS (
    SELECT
        source,
        schedule_id,
        min(day + time_of_day) AS first_run_at,
        max(day + time_of_day) AS last_run_at,
        min(day) AS first_day,
        max(day) AS last_day,
        count(DISTINCT time_of_day) AS times
    FROM ran
    GROUP BY source, schedule_id
),

hour AS (
    SELECT source, schedule_id, time_of_day, count(*) AS days, min(day) AS first_day, max(day) AS last_day
    FROM ran
    GROUP BY source, schedule_id, time_of_day
),

ended AS (
    SELECT
        *,
        CASE
            WHEN max(CASE WHEN days >= 2 THEN first_day + time_of_day END) OVER (PARTITION BY source, schedule_id)
                > last_day + time_of_day
                THEN last_day
        END AS moved_on
    FROM hour
),

week AS (
    SELECT s.source, s.schedule_id, s.first_day, s.last_day, k.weekday::INTEGER AS weekday
    FROM span AS s
    CROSS JOIN range(1, 8) AS k(weekday)
),

usual AS (
    -- possible counts the days of a weekday from the first day to the last, both included.
    SELECT
        k.source,
        k.schedule_id,
        k.weekday,
        count(DISTINCT r.day) AS seen,
        (k.last_day - k.first_day - (k.weekday - isodow(k.first_day) + 7) % 7 + 7) // 7 AS possible,
        seen > 0 AND seen >= 0.5 * possible AS is_usual
    FROM week AS k
    LEFT JOIN ran AS r ON r.source = k.source AND r.schedule_id = k.schedule_id AND isodow(r.day) = k.weekday
    GROUP BY k.source, k.schedule_id, k.weekday, k.first_day, k.last_day
),

slot AS (
    SELECT
        e.source,
        e.schedule_id,
        u.weekday,
        e.time_of_day,
        e.days,
        e.first_day,
        e.last_day,
        e.moved_on,
        u.is_usual,
        s.times,
        s.first_run_at,
        s.last_run_at,
        (coalesce(e.moved_on, s.last_day) - e.first_day - (u.weekday - isodow(e.first_day) + 7) % 7 + 7) // 7 AS possible
    FROM ended AS e
    JOIN span AS s ON s.source = e.source AND s.schedule_id = e.schedule_id
    JOIN usual AS u ON u.source = e.source AND u.schedule_id = e.schedule_id
),

seen AS (
    SELECT source, schedule_id, isodow(day) AS weekday, time_of_day, count(*) AS seen
    FROM ran
    GROUP BY source, schedule_id, isodow(day), time_of_day
),

judged AS (
    SELECT
        l.*,
        coalesce(n.seen, 0) AS seen,
        l.days >= 0.5 * sum(CASE WHEN l.is_usual THEN l.possible ELSE 0 END) OVER (
            PARTITION BY l.source, l.schedule_id, l.time_of_day
        ) AS is_regular
    FROM slot AS l
    LEFT JOIN seen AS n
        ON n.source = l.source AND n.schedule_id = l.schedule_id
        AND n.weekday = l.weekday AND n.time_of_day = l.time_of_day
),

expected AS (
    SELECT
        source,
        schedule_id,
        weekday,
        time_of_day,
        seen,
        possible,
        (days >= 2 OR times = 1) AND (
            (is_regular AND seen > 0 AND seen >= 0.5 * possible)
            OR (is_regular AND seen = 0 AND possible <= 1 AND is_usual)
            OR (seen >= 2 AND seen >= 0.5 * possible)
        ) AS is_expected,
        first_run_at,
        last_run_at,
        first_day + time_of_day AS expected_from,
        moved_on + time_of_day AS expected_until
    FROM judged
)

SELECT *
FROM expected
WHERE seen > 0 OR is_expected
