-- Title: Data fresh
-- Version: 1
-- Question: is each source loaded lately, and does it have recent tasks?
-- Population: sources; those that a load was ever begun of
-- Grain: one row per source of data_quality.
-- Definition: fails where the watermark is more than `data_age` before the time of the check, or where hours_since_data of
--   data_quality exceeds `data_age`: loads that find no new task, because backups no longer run.
-- Window: none
-- Missing days: are judged by row
-- Settings: data_age
-- Edge cases: the only control that looks at the clock. An evidence pack is judged at its watermark, where only the second
--   condition can fail. A source that is no longer configured fails until an exception says why.
-- Clauses:
--   NIS2 Art. 21(2)(f): shows that what the effectiveness of backups is judged by is current.
--   SOC 2 A1.2: shows that backups are monitored continuously.
SELECT
    source,
    source AS item,
    source AS name,
    coalesce(watermark < $now - to_seconds(epoch(data_age)), true) OR coalesce(hours_since_data > epoch(data_age) / 3600, true) AS fails,
    CASE
        WHEN watermark IS NULL THEN 'no load has finished'
        WHEN watermark < $now - to_seconds(epoch(data_age)) THEN
            format('last loaded {:.0f} h ago', (epoch_us($now) - epoch_us(watermark)) / 3600000000)
        WHEN newest_task_at IS NULL THEN 'there is no task'
        ELSE format('newest task {:.0f} h before the last load', hours_since_data)
    END AS why,
    coalesce(watermark, last_load_at) AS since,
    coalesce((epoch_us($now) - epoch_us(watermark)) / 3600000000, 1e9) AS worst
FROM analytics.data_quality
CROSS JOIN (SELECT data_age FROM analytics.settings)
