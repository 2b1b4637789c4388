-- Title: Days complete
-- Version: 1
-- Question: is everything loaded that the source had for each day?
-- Population: days; UTC days in the window that are over, of sources that are not excluded
-- Grain: one row per source and UTC day of day_state.
-- Definition: fails where the state is incomplete or lost; cannot be judged where it is unverified.
-- Window: lookback
-- Missing days: are judged by row
-- Settings: lookback
-- Edge cases: today is open, and not in the population. A day before the log began has no row.
-- Clauses:
--   NIS2 Art. 21(2)(f): shows that what the effectiveness of backups is judged by is complete.
--   SOC 2 A1.2: shows that the monitoring of backups misses nothing.
SELECT
    d.source,
    d.day::VARCHAR AS item,
    format('{} of {}', d.day, d.source) AS name,
    CASE WHEN d.state <> 'unverified' THEN d.state IN ('incomplete', 'lost') END AS fails,
    CASE
        WHEN d.counted > d.held - d.expired + d.quarantined
            THEN format('{}: the source counts {} tasks more', d.state, d.counted - d.held + d.expired - d.quarantined)
        ELSE d.state
    END AS why,
    d.day::TIMESTAMP AT TIME ZONE 'UTC' AS since,
    epoch(d.day) AS worst
FROM analytics.day_state AS d
JOIN analytics.source_watermark AS w ON w.source = d.source
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
WHERE w.is_included AND d.state <> 'open'
    AND d.day >= (o.as_of - to_seconds(epoch(s.lookback)))::DATE AND d.day <= o.as_of::DATE
