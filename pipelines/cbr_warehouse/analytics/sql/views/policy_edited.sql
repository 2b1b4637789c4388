-- Question: when did a policy begin to run at other times or on other days?
-- Grain: one row per source, schedule and edit.
-- Definition: the runs of a schedule (schedule_run) by time of day, local start times less than an hour apart counting as
--   one, and by weekday. At such a time (weekday) a schedule ran from a first to a last run if no two neighboring runs of it
--   are further apart than 2.5 times their median wait, at least 4 days (for a weekday 17.5 days): its pause. A time of two
--   or more runs was begun where the schedule ran at other times between a pause and a wait before it, and given up where
--   the schedule ran at other times between a wait and a pause after it, once the pause is over. Times begun or given up
--   with less than 8 days between neighbors are one edit. The alarm is raised with the second run at a new time, or when
--   the pause after an old one is over.
-- Settings: signal_window, schedule_window, timezone (of the source, else the global one)
-- Edge cases: inferred, because the log does not contain the policies. Runs that move by about an hour while the clocks of
--   some time zone change are no edit, nor are the weekdays that this moves across midnight; seven zones stand for all
--   rules. Edits by less than an hour, of retention or of replication are not seen. A policy that stops and resumes is in
--   backups_stopped, and whether it was edited meanwhile is not seen.
-- Columns:
--   source: Name of the configured source.
--   schedule_id: Schedule: policy id, or "vault:ID".
--   vault_id: Newest vault of it.
--   vault_name: Its name.
--   edited_by: First run at a new time, or first one missing at an old time: it was edited before.
--   raised_at: When the log shows it.
--   new_times: Times of day, local, at which it began to run.
--   old_times: Times of day, local, at which it runs no more.
--   new_weekdays: ISO weekdays on which it began to run.
--   old_weekdays: ISO weekdays on which it runs no more.
WITH run AS (
    SELECT
        r.source,
        r.schedule_id,
        r.run_started_at AS ran_at,
        r.slot_local::DATE AS day,
        isodow(r.slot_local) AS weekday,
        (hour(r.slot_local) * 60 + minute(r.slot_local))::INTEGER AS time_minute
    FROM analytics.schedule_run AS r
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    LEFT JOIN analytics.source_watermark AS w ON w.source = r.source
    WHERE r.run_started_at < coalesce(w.observed_until, o.as_of)
        AND r.run_started_at >= o.as_of - to_seconds(epoch(s.signal_window) + epoch(s.schedule_window))
),

minutes AS (
    SELECT
        source,
        schedule_id,
        time_minute,
        coalesce(time_minute - lag(time_minute) OVER (
            PARTITION BY source, schedule_id ORDER BY time_minute ASC
        ) >= 60, true) AS is_apart
    FROM (SELECT DISTINCT source, schedule_id, time_minute FROM run)
),

named AS (
    SELECT
        source,
        schedule_id,
        time_minute,
        100 + count(*) FILTER (is_apart) OVER (PARTITION BY source, schedule_id ORDER BY time_minute ASC) AS key
    FROM minutes
),

occurrence AS (
    -- Keys up to 7 are weekdays, those above 100 times of day.
    SELECT r.source, r.schedule_id, n.key, r.day, min(r.ran_at) AS ran_at, min(r.time_minute) AS time_minute
    FROM run AS r
    JOIN named AS n USING (source, schedule_id, time_minute)
    GROUP BY ALL
    UNION ALL
    SELECT source, schedule_id, weekday, day, min(ran_at), NULL
    FROM run
    GROUP BY ALL
),

waited AS (
    SELECT *, (epoch_us(ran_at) - lag(epoch_us(ran_at)) OVER (PARTITION BY source, schedule_id, key ORDER BY ran_at ASC)) / 1000000 AS wait
    FROM occurrence
),

paced AS (
    SELECT *, greatest(2.5 * wait_usual, CASE WHEN key <= 7 THEN 1512000 ELSE 345600 END) AS pause
    FROM (
        SELECT
            *,
            coalesce(
                round(median(wait) OVER (PARTITION BY source, schedule_id, key) / 900) * 900,
                CASE WHEN key <= 7 THEN 604800 ELSE 86400 END
            ) AS wait_usual
        FROM waited
    )
),

numbered AS (
    SELECT
        *,
        count(*) FILTER (wait IS NULL OR wait > pause) OVER (
            PARTITION BY source, schedule_id, key ORDER BY ran_at ASC
        ) AS segment
    FROM paced
),

stopped AS (
    -- Where the schedule did not run at all: around it no time is begun or given up.
    SELECT source, schedule_id, ran_at - to_seconds(wait) AS begins_at, ran_at AS ends_at
    FROM (
        SELECT *, greatest(2.5 * median(wait) OVER (PARTITION BY source, schedule_id), 345600) AS pause
        FROM (
            SELECT *, (epoch_us(ran_at) - lag(epoch_us(ran_at)) OVER (PARTITION BY source, schedule_id ORDER BY ran_at ASC)) / 1000000 AS wait
            FROM run
        )
    )
    WHERE wait > pause
),

segment AS (
    SELECT
        source,
        schedule_id,
        key,
        segment,
        any_value(wait_usual) AS wait_usual,
        any_value(pause) AS pause,
        min(ran_at) AS first_at,
        max(ran_at) AS last_at,
        list_sort(list(ran_at), 'ASC', 'NULLS LAST')[2] AS second_at,
        min(time_minute) AS time_minute
    FROM numbered
    GROUP BY source, schedule_id, key, segment
),

change AS (
    SELECT
        s.source, s.schedule_id, s.key, s.time_minute, true AS is_begun, s.first_at AS ran_at,
        s.second_at AS raised_at, s.pause
    FROM segment AS s
    WHERE s.second_at IS NOT NULL AND EXISTS (
        SELECT 1
        FROM occurrence AS b
        WHERE b.source = s.source AND b.schedule_id = s.schedule_id AND b.key <> s.key AND (b.key > 7) = (s.key > 7)
            AND b.ran_at >= s.first_at - to_seconds(s.pause) AND b.ran_at < s.first_at - to_seconds(s.wait_usual)
    ) AND NOT EXISTS (
        SELECT 1
        FROM stopped AS p
        WHERE p.source = s.source AND p.schedule_id = s.schedule_id
            AND p.begins_at < s.first_at AND p.ends_at > s.first_at - to_seconds(s.pause)
    )
    UNION ALL
    SELECT
        s.source, s.schedule_id, s.key, s.time_minute, false, s.last_at + to_seconds(s.wait_usual),
        s.last_at + to_seconds(s.pause), s.pause
    FROM segment AS s
    CROSS JOIN analytics.as_of AS o
    LEFT JOIN analytics.source_watermark AS w ON w.source = s.source
    WHERE s.second_at IS NOT NULL
        AND s.last_at + to_seconds(s.pause) < coalesce(w.observed_until, o.as_of)
        AND EXISTS (
            SELECT 1
            FROM occurrence AS b
            WHERE b.source = s.source AND b.schedule_id = s.schedule_id AND b.key <> s.key AND (b.key > 7) = (s.key > 7)
                AND b.ran_at > s.last_at + to_seconds(s.wait_usual) AND b.ran_at <= s.last_at + to_seconds(s.pause)
        )
        AND NOT EXISTS (
            SELECT 1
            FROM stopped AS p
            WHERE p.source = s.source AND p.schedule_id = s.schedule_id
                AND p.begins_at < s.last_at + to_seconds(s.pause) AND p.ends_at > s.last_at
        )
),

moved_hour AS (
    -- Where runs moved by about an hour: from the last at the one time to the first at the other.
    SELECT
        p.source,
        p.schedule_id,
        p.key AS old_key,
        n.key AS new_key,
        p.last_at,
        n.first_at,
        abs(n.time_minute - p.time_minute) > 720 AS is_across_midnight
    FROM segment AS p
    JOIN segment AS n
        ON n.source = p.source AND n.schedule_id = p.schedule_id AND n.key > 7 AND p.key > 7
        AND least(abs(n.time_minute - p.time_minute), 1440 - abs(n.time_minute - p.time_minute)) <= 105
        AND n.first_at > p.last_at AND n.first_at <= p.last_at + to_seconds(p.pause)
),

clock_changed AS (
    -- Three hours earlier, since a run at a time that the change leaves out comes at once after it.
    SELECT DISTINCT m.*
    FROM moved_hour AS m
    CROSS JOIN (
        SELECT unnest([
            'Europe/Berlin', 'America/New_York', 'America/Santiago', 'Australia/Sydney', 'Pacific/Auckland', 'Africa/Cairo',
            'Asia/Jerusalem'
        ]) AS zone
        UNION
        SELECT timezone FROM analytics.source_clock
    ) AS z
    WHERE timezone(z.zone, m.first_at) - timezone('UTC', m.first_at)
        <> timezone(z.zone, m.last_at - INTERVAL 3 HOUR) - timezone('UTC', m.last_at - INTERVAL 3 HOUR)
),

unexplained AS (
    SELECT c.*
    FROM change AS c
    WHERE NOT EXISTS (
        SELECT 1
        FROM clock_changed AS k
        WHERE k.source = c.source AND k.schedule_id = c.schedule_id
            AND CASE
                WHEN c.key <= 7 THEN k.is_across_midnight AND abs(epoch(k.first_at - c.ran_at)) <= c.pause
                WHEN c.is_begun THEN k.new_key = c.key AND k.first_at = c.ran_at
                ELSE k.old_key = c.key AND abs(epoch(k.last_at - c.ran_at)) <= c.pause
            END
    )
),

grouped AS (
    SELECT
        *,
        count(*) FILTER (is_apart) OVER (
            PARTITION BY source, schedule_id ORDER BY ran_at ASC, key ASC, is_begun ASC ROWS UNBOUNDED PRECEDING
        ) AS edit
    FROM (
        SELECT
            *,
            ran_at > lag(ran_at) OVER (
                PARTITION BY source, schedule_id ORDER BY ran_at ASC, key ASC, is_begun ASC
            ) + INTERVAL 8 DAY AS is_apart
        FROM unexplained
    )
),

edit AS (
    SELECT
        source,
        schedule_id,
        min(ran_at) AS edited_by,
        min(raised_at) AS raised_at,
        list_sort(list(DISTINCT TIME '00:00' + time_minute * INTERVAL 1 MINUTE) FILTER (is_begun AND key > 7), 'ASC', 'NULLS LAST') AS new_times,
        list_sort(list(DISTINCT TIME '00:00' + time_minute * INTERVAL 1 MINUTE) FILTER (NOT is_begun AND key > 7), 'ASC', 'NULLS LAST') AS old_times,
        list_sort(list(DISTINCT key) FILTER (is_begun AND key <= 7), 'ASC', 'NULLS LAST') AS new_weekdays,
        list_sort(list(DISTINCT key) FILTER (NOT is_begun AND key <= 7), 'ASC', 'NULLS LAST') AS old_weekdays
    FROM grouped
    GROUP BY source, schedule_id, edit
),

vault AS (
    SELECT source, schedule_id, arg_max(vault_id, last_attempt_at) AS vault_id, arg_max(vault_name, last_attempt_at) AS vault_name
    FROM analytics.resource
    WHERE schedule_id IS NOT NULL
    GROUP BY source, schedule_id
)

SELECT
    e.source,
    e.schedule_id,
    v.vault_id,
    v.vault_name,
    e.edited_by,
    e.raised_at,
    e.new_times,
    e.old_times,
    e.new_weekdays,
    e.old_weekdays
FROM edit AS e
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
LEFT JOIN vault AS v ON v.source = e.source AND v.schedule_id = e.schedule_id
WHERE e.raised_at >= o.as_of - to_seconds(epoch(s.signal_window)) AND e.raised_at <= o.as_of
