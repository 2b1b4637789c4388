-- Question: how probable is it that a recent day is final, so that none of its tasks will appear or change any more?
-- Grain: one row per source and UTC day that has not been watched for lateness_watch since it ended, today included.
-- Definition: an earlier day is measured if its source was loaded without an interruption (finished_load) from its end
--   until lateness_watch after it. Of those, days_final had received all versions of all their tasks, as far as they are
--   known now, when as much time had passed since their end as has passed since the end of this day at the watermark.
--   probability_final is (days_final + 1) / (days_measured + 2): the share among the measured days, with one final and one
--   other day added (rule of succession), so that few days never make it certain.
-- Settings: lateness_period, lateness_watch, load_gap
-- Edge cases: probability_final is 0 for a day that is not over, is incomplete or has tasks that are known to be open: they
--   will change. It is NULL while no day is measured. Measured days count whether or not their tasks were open at that age,
--   so it is rather too low for a day without open tasks. A change later than lateness_watch after the end of a measured day
--   makes that day not final, too. It says nothing about tasks that no load ever received: that is what state is for.
-- Columns:
--   source: Name of the configured source.
--   day: UTC day of created_at.
--   state: State of the day: complete, incomplete, unverified, lost or open.
--   hours_since_end: Whole hours from its end to the watermark; 0 for a day that is not over.
--   open_tasks: Tasks of the day that have not ended.
--   days_measured: Earlier days of the source that are measured.
--   days_final: Of them those that were final at that age.
--   probability_final: Probability that the day is final.
WITH period AS (
    SELECT
        f.source,
        max(f.started_at) AS watermark,
        max(f.started_at) - to_seconds(any_value(epoch(s.lateness_period))) AS from_at,
        to_seconds(any_value(epoch(s.lateness_watch))) AS watch
    FROM analytics.finished_load AS f
    CROSS JOIN analytics.settings AS s
    GROUP BY f.source
),

day AS (
    SELECT d.source, d.day, d.state, p.watermark, p.watch, p.from_at, timezone('UTC', (d.day + 1)::TIMESTAMP) AS ends_at
    FROM analytics.day_state AS d
    JOIN period AS p ON p.source = d.source
    WHERE timezone('UTC', d.day::TIMESTAMP) <= p.watermark AND timezone('UTC', d.day::TIMESTAMP) >= p.from_at
),

news AS (
    SELECT a.source, a.day, max(a.last_news_at) AS last_news_at, count(*) FILTER (a.outcome = 'open') AS open_tasks
    FROM analytics.attempt AS a
    JOIN period AS p ON p.source = a.source AND a.created_at >= p.from_at
    GROUP BY a.source, a.day
),

stretch AS (
    SELECT source, min(started_at) AS begins_at, max(started_at) AS watched_until
    FROM analytics.finished_load
    GROUP BY source, stretch
),

-- How long after its end each measured day became final; NULL for one without tasks, which was so at once.
measured AS (
    SELECT d.source, epoch_us(n.last_news_at) - epoch_us(d.ends_at) AS final_us
    FROM day AS d
    JOIN stretch AS t
        ON t.source = d.source AND t.begins_at <= d.ends_at AND t.watched_until >= d.ends_at + d.watch
    LEFT JOIN news AS n ON n.source = d.source AND n.day = d.day
),

recent AS (
    SELECT
        d.source,
        d.day,
        d.state,
        greatest(0, epoch_us(d.watermark) - epoch_us(d.ends_at)) AS age_us,
        d.watermark < d.ends_at AS is_running,
        coalesce(n.open_tasks, 0) AS open_tasks
    FROM day AS d
    LEFT JOIN news AS n ON n.source = d.source AND n.day = d.day
    WHERE d.ends_at + d.watch > d.watermark
)

SELECT
    r.source,
    r.day,
    r.state,
    r.age_us // 3600000000 AS hours_since_end,
    r.open_tasks,
    count(m.source) AS days_measured,
    count(m.source) FILTER (coalesce(m.final_us <= r.age_us, true)) AS days_final,
    CASE
        WHEN r.is_running OR r.state = 'incomplete' OR r.open_tasks > 0 THEN 0
        WHEN count(m.source) > 0
            THEN (count(m.source) FILTER (coalesce(m.final_us <= r.age_us, true)) + 1) / (count(m.source) + 2)
    END AS probability_final
FROM recent AS r
LEFT JOIN measured AS m ON m.source = r.source
GROUP BY r.source, r.day, r.state, r.age_us, r.is_running, r.open_tasks
ORDER BY r.source, r.day
