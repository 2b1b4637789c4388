-- Title: No jump in duration
-- Version: 1
-- Question: do backups of any resource suddenly take many times as long?
-- Population: resources; those with a successful backup in the window
-- Grain: one row per source and resource of attempt, of its successful backups.
-- Definition: fails where duration_jump has the resource with began_at in the window.
-- Alarm: duration_jump
-- Window: lookback
-- Missing days: may hide failures
-- Settings: anomaly_z, lookback
-- Edge cases: an incident of the region that slows backups down makes them fail too.
-- Clauses:
--   NIS2 Art. 21(2)(b): shows that no sudden growth of what backups read, which may be an attack, was detected.
--   NIST CP-9 a, b: shows that backups are finished about as fast as usual.
--   SOC 2 A1.2: shows that backup processes are monitored for unusual behaviour.
SELECT
    a.source,
    a.resource_id AS item,
    coalesce(nullif(arg_max(a.resource_name, a.created_at), ''), a.resource_id) AS name,
    any_value(e.began_at) IS NOT NULL AS fails,
    format('took {:.0f} min, usually {:.0f} min', any_value(e.seconds) / 60, any_value(e.usual_seconds) / 60) AS why,
    any_value(e.began_at) AS since,
    any_value(e.times_median) AS worst
FROM analytics.attempt AS a
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
LEFT JOIN (
    SELECT
        j.source,
        j.resource_id,
        max(j.began_at) AS began_at,
        arg_max(j.duration_seconds, j.began_at) AS seconds,
        arg_max(j.baseline_median_seconds, j.began_at) AS usual_seconds,
        arg_max(j.times_median, j.began_at) AS times_median
    FROM analytics.duration_jump AS j
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    WHERE j.began_at > o.as_of - to_seconds(epoch(s.lookback))
    GROUP BY j.source, j.resource_id
) AS e ON e.source = a.source AND e.resource_id = a.resource_id
WHERE a.operation_type = 'backup' AND a.outcome = 'ok' AND a.resource_id IS NOT NULL
    AND a.created_at > o.as_of - to_seconds(epoch(s.lookback)) AND a.created_at <= o.as_of
GROUP BY a.source, a.resource_id
