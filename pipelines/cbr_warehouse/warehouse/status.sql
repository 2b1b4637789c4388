-- The state of each source; columns in the order of SourceStatus.
WITH last_load AS (
    SELECT * FROM loads
    QUALIFY row_number() OVER (PARTITION BY source ORDER BY load_id DESC) = 1
), task AS (
    SELECT source, max(created_at) AS newest, count(*) AS tasks,
           -- A status that is not documented as an end counts as open until the task has one.
           count(*) FILTER (ended_at IS NULL
               AND coalesce(status, '') NOT IN ('success', 'skipped', 'failed', 'timeout')) AS open_tasks
    FROM tasks GROUP BY source
), known_day AS (
    -- A warehouse that an earlier version published has no reason.
    SELECT * FROM coverage UNION ALL BY NAME SELECT NULL::VARCHAR AS reason WHERE false
), judged AS (
    -- Nothing can be done about an unverified day that is over at the source: older than what it serves
    -- whole, as far as some later day is complete, or older than what it keeps.
    SELECT *, state = 'unverified' AND coalesce(
        (reason = 'edge_of_retention' AND day < max(day) FILTER (state = 'complete') OVER (PARTITION BY source))
        OR timezone('UTC', (day + 1)::TIMESTAMP) <= $kept_from::TIMESTAMPTZ, false) AS is_beyond
    FROM known_day
), day AS (
    SELECT source,
           count(*) FILTER (state = 'complete') AS complete,
           count(*) FILTER (state = 'incomplete') AS incomplete,
           count(*) FILTER (state = 'unverified' AND checked_at IS NOT NULL AND NOT is_beyond) AS unverified,
           count(*) FILTER (state = 'lost') AS lost,
           count(*) FILTER (state <> 'lost' AND checked_at IS NULL AND NOT is_beyond) AS never_loaded,
           count(*) FILTER (is_beyond) AS beyond_retention,
           -- From a day's first moment on, its tasks begin to leave the source. Days already leaving are
           -- not for saving, nor those of which nothing older is served: no load can prove them.
           min(epoch(timezone('UTC', day::TIMESTAMP)) - epoch($kept_from::TIMESTAMPTZ)) FILTER (
               state NOT IN ('complete', 'lost', 'open') AND NOT is_beyond
               AND timezone('UTC', day::TIMESTAMP) > $kept_from::TIMESTAMPTZ) / 3600 AS hours_left
    FROM judged GROUP BY source
), cause AS (
    SELECT source, state, reason, count(*) AS days, min(day) AS first_day, max(day) AS last_day
    FROM known_day WHERE state NOT IN ('complete', 'open') GROUP BY source, state, reason
), why AS (
    SELECT source, list({'state': state, 'reason': reason, 'days': days, 'first_day': first_day,
        'last_day': last_day} ORDER BY state, reason) AS days_not_complete
    FROM cause GROUP BY source
), broken AS (
    SELECT source, count(*) FILTER (resolved_at IS NULL) AS quarantined FROM quarantine GROUP BY source
)
SELECT source, task.newest, coalesce(task.tasks, 0), coalesce(task.open_tasks, 0),
       coalesce(day.complete, 0), coalesce(day.incomplete, 0), coalesce(day.unverified, 0),
       coalesce(day.lost, 0), coalesce(day.never_loaded, 0), coalesce(day.beyond_retention, 0), coalesce(broken.quarantined, 0),
       last_load.load_id, last_load.started_at, last_load.outcome, last_load.message, round(day.hours_left, 1),
       coalesce(why.days_not_complete, [])
FROM last_load
LEFT JOIN task USING (source)
LEFT JOIN day USING (source)
LEFT JOIN broken USING (source)
LEFT JOIN why USING (source)
ORDER BY source;
