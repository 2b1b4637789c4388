-- Question: how late do tasks, their ends and later changes of them become known, of each source?
-- Grain: one row per source with a finished load and measure: created, ended, changed and settled.
-- Definition: created: from created_at of a task to the first load that received it. ended: from its ended_at to the first
--   that received it with an end. changed: from its ended_at to the last that received a new version of it after that; 0
--   where none did. settled: of a task watched for lateness_watch since its creation, the larger of created, if it was
--   late, and changed; else 0: what the setting settle is derived from. When between two loads the news came to the source
--   is not known, so each value has two bounds: at_most ends when the news was received; at_least ends when the last load
--   that certainly asked for it without receiving it began, and is 0 where there is no such load. For a new task these are
--   the first load after its creation and deep loads, for the end of a task known before all loads, for a change deep
--   loads. late counts the tasks whose news a finished load that began after created_at or ended_at did not receive; of
--   changed those that changed; of settled those that either is true of. A percentile is the smallest value that at least
--   so many of the tasks do not exceed, in whole seconds: of at_least rounded down, of at_most rounded up.
-- Settings: lateness_period, lateness_watch, load_gap
-- Edge cases: only tasks count whose source was loaded without an interruption (finished_load) from before their creation
--   until the news: older ones were all received at once by the first load, whatever they were. The others of
--   lateness_period are in left_out. How often loads run is part of at_most. News that has not come yet is in no value, so
--   the values of tasks that are not watched yet can still grow. A task received before its created_at (clocks that
--   differ) is not late: 0.
-- Columns:
--   source: Name of the configured source.
--   measure: created, ended, changed or settled.
--   tasks: Tasks measured.
--   watched: Of them those that loads watched for lateness_watch after their creation.
--   late: Of them those whose news came late, as a load shows that did not receive it.
--   pending: Tasks not measured because they have not ended (ended, changed) or are not watched yet (settled).
--   left_out: Tasks of lateness_period not measured because loads were interrupted or had not begun.
--   p50_at_least_seconds: Median, lower bound.
--   p50_at_most_seconds: Median, upper bound.
--   p99_at_least_seconds: 99th percentile, lower bound.
--   p99_at_most_seconds: 99th percentile, upper bound.
--   p9999_at_least_seconds: 99.99th percentile, lower bound; of fewer than 10,000 tasks the maximum.
--   p9999_at_most_seconds: 99.99th percentile, upper bound; of fewer than 10,000 tasks the maximum.
--   max_at_least_seconds: Maximum, lower bound.
--   max_at_most_seconds: Maximum, upper bound.
WITH period AS (
    -- Sources by number: millions of tasks are matched and counted by it.
    SELECT
        f.source,
        dense_rank() OVER (ORDER BY f.source ASC) AS source_no,
        max(f.started_at) - to_seconds(any_value(epoch(s.lateness_period))) AS from_at,
        to_seconds(any_value(epoch(s.lateness_watch))) AS watch
    FROM analytics.finished_load AS f
    CROSS JOIN analytics.settings AS s
    GROUP BY f.source
),

finished_load AS (
    SELECT p.source_no, f.started_at, f.finished_at, f.is_deep, f.stretch
    FROM analytics.finished_load AS f
    JOIN period AS p ON p.source = f.source
),

stretch AS (
    SELECT
        f.source_no,
        min(f.started_at) AS begins_at,
        max(f.started_at) AS watched_until,
        max(f.started_at) + to_seconds(any_value(epoch(s.load_gap))) AS ends_at
    FROM finished_load AS f
    CROSS JOIN analytics.settings AS s
    GROUP BY f.source_no, f.stretch
),

task AS (
    SELECT
        p.source_no,
        a.created_at,
        a.ended_at,
        a.first_seen_at,
        a.end_seen_at,
        CASE WHEN a.last_news_at > a.end_seen_at THEN a.last_news_at END AS changed_seen_at,
        t.ends_at,
        coalesce(a.created_at + p.watch <= t.watched_until, false) AS is_watched
    FROM analytics.attempt AS a
    JOIN period AS p ON p.source = a.source AND a.created_at >= p.from_at
    LEFT JOIN stretch AS t ON t.source_no = p.source_no AND a.created_at BETWEEN t.begins_at AND t.ends_at
    WHERE a.first_seen_at IS NOT NULL
),

received AS (
    SELECT source_no, first_seen_at AS moment FROM task
    UNION
    SELECT source_no, end_seen_at FROM task WHERE end_seen_at IS NOT NULL
    UNION
    SELECT source_no, changed_seen_at FROM task WHERE changed_seen_at IS NOT NULL
),

-- Of each time at which anything was received: the last load, and the last deep one, that were finished before.
looked AS (
    SELECT *
    FROM (
        SELECT
            source_no,
            moment,
            is_load,
            max(started_at) OVER before AS load_at,
            max(started_at) FILTER (is_deep) OVER before AS deep_at
        FROM (
            SELECT source_no, moment, false AS is_load, NULL::TIMESTAMPTZ AS started_at, false AS is_deep FROM received
            UNION ALL
            SELECT source_no, finished_at, true, started_at, is_deep FROM finished_load
        )
        WINDOW before AS (PARTITION BY source_no ORDER BY moment, is_load ROWS UNBOUNDED PRECEDING)
    )
    WHERE NOT is_load
),

-- The first load after the creation of tasks that it did not receive.
missed AS (
    SELECT *
    FROM (
        SELECT source_no, moment AS created_at, is_task, min(started_at) OVER later AS next_at
        FROM (
            SELECT DISTINCT k.source_no, k.created_at AS moment, true AS is_task, NULL::TIMESTAMPTZ AS started_at
            FROM task AS k
            JOIN looked AS b ON b.source_no = k.source_no AND b.moment = k.first_seen_at
            WHERE b.load_at > k.created_at
            UNION ALL
            SELECT source_no, started_at, false, started_at FROM finished_load
        )
        WINDOW later AS (
            PARTITION BY source_no ORDER BY moment, is_task ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        )
    )
    WHERE is_task
),

bounded AS (
    SELECT
        k.source_no,
        k.ends_at IS NOT NULL AS is_in_stretch,
        k.is_watched,
        k.ended_at IS NOT NULL AS has_ended,
        coalesce(k.first_seen_at <= k.ends_at, false) AS is_seen_in_time,
        coalesce(k.end_seen_at <= k.ends_at, false) AS is_end_seen_in_time,
        coalesce(coalesce(k.changed_seen_at, k.end_seen_at) <= k.ends_at, false) AS is_change_seen_in_time,
        coalesce(b.load_at > k.created_at, false) AS is_late,
        coalesce(e.load_at > k.ended_at, false) AS is_late_end,
        k.changed_seen_at IS NOT NULL AS is_changed,
        -- A load that was finished before the task was received and began after its creation did not receive it.
        CASE WHEN b.load_at > k.created_at THEN greatest(m.next_at, b.deep_at) END AS missed_at,
        epoch_us(k.created_at) AS created_us,
        epoch_us(k.ended_at) AS ended_us,
        greatest(0, epoch_us(k.first_seen_at) - epoch_us(k.created_at)) AS created_most_us,
        greatest(0, epoch_us(k.end_seen_at) - epoch_us(k.ended_at)) AS ended_most_us,
        greatest(0, epoch_us(k.changed_seen_at) - epoch_us(k.ended_at)) AS changed_most_us,
        CASE WHEN k.first_seen_at <= e.load_at THEN e.load_at END AS end_missed_at,
        CASE WHEN k.changed_seen_at IS NOT NULL THEN greatest(k.end_seen_at, c.deep_at) END AS change_missed_at
    FROM task AS k
    LEFT JOIN looked AS b ON b.source_no = k.source_no AND b.moment = k.first_seen_at
    LEFT JOIN looked AS e ON e.source_no = k.source_no AND e.moment = k.end_seen_at
    LEFT JOIN looked AS c ON c.source_no = k.source_no AND c.moment = k.changed_seen_at
    LEFT JOIN missed AS m ON m.source_no = k.source_no AND m.created_at = k.created_at
),

valued AS (
    SELECT
        *,
        coalesce(greatest(0, epoch_us(missed_at) - created_us), 0) AS created_least_us,
        coalesce(greatest(0, epoch_us(coalesce(end_missed_at, missed_at)) - ended_us), 0) AS ended_least_us,
        coalesce(greatest(0, epoch_us(change_missed_at) - ended_us), 0) AS changed_least_us
    FROM bounded
),

-- What is said of a task in one number, narrow rows to count: 1 measured, 2 pending, 4 watched, 8 late, 16 times the measure.
marked AS (
    SELECT
        source_no,
        is_seen_in_time::INTEGER + 4 * is_watched::INTEGER + 8 * is_late::INTEGER AS mark,
        created_least_us AS least_us,
        created_most_us AS most_us
    FROM valued
    UNION ALL
    SELECT
        source_no,
        16 + (is_end_seen_in_time AND has_ended)::INTEGER + 2 * (is_in_stretch AND NOT has_ended)::INTEGER
        + 4 * is_watched::INTEGER + 8 * is_late_end::INTEGER,
        ended_least_us,
        ended_most_us
    FROM valued
    UNION ALL
    SELECT
        source_no,
        32 + (is_change_seen_in_time AND has_ended)::INTEGER + 2 * (is_in_stretch AND NOT has_ended)::INTEGER
        + 4 * is_watched::INTEGER + 8 * is_changed::INTEGER,
        changed_least_us,
        changed_most_us
    FROM valued
    UNION ALL
    SELECT
        source_no,
        48 + (is_watched AND is_seen_in_time AND (is_change_seen_in_time OR NOT has_ended))::INTEGER
        + 2 * (is_in_stretch AND NOT is_watched)::INTEGER + 4 * is_watched::INTEGER + 8 * (is_late OR is_changed)::INTEGER,
        greatest(created_least_us, changed_least_us),
        greatest(CASE WHEN is_late THEN created_most_us ELSE 0 END, changed_most_us)
    FROM valued
),

-- Tasks by value: far fewer rows than tasks.
counted AS (
    SELECT
        p.source,
        ['created', 'ended', 'changed', 'settled'][v.mark // 16 + 1] AS measure,
        v.mark & 1 = 1 AS is_measured,
        v.mark & 2 = 2 AS is_pending,
        v.mark & 4 = 4 AS is_watched,
        v.mark & 8 = 8 AS is_late,
        v.at_least,
        v.at_most,
        v.tasks
    FROM (
        SELECT
            source_no,
            mark,
            least_us // 1000000 AS at_least,
            (most_us + 999999) // 1000000 AS at_most,
            count(*) AS tasks
        FROM marked
        GROUP BY ALL
    ) AS v
    JOIN period AS p ON p.source_no = v.source_no
),

summed AS (
    SELECT
        source,
        measure,
        coalesce(sum(tasks) FILTER (is_measured), 0)::BIGINT AS tasks,
        coalesce(sum(tasks) FILTER (is_measured AND is_watched), 0)::BIGINT AS watched,
        coalesce(sum(tasks) FILTER (is_measured AND is_late), 0)::BIGINT AS late,
        coalesce(sum(tasks) FILTER (NOT is_measured AND is_pending), 0)::BIGINT AS pending,
        coalesce(sum(tasks) FILTER (NOT is_measured AND NOT is_pending), 0)::BIGINT AS left_out
    FROM counted
    GROUP BY source, measure
),

ranked AS (
    SELECT
        source,
        measure,
        bound,
        seconds,
        sum(tasks) OVER (PARTITION BY source, measure, bound ORDER BY seconds)::BIGINT AS so_many,
        sum(tasks) OVER (PARTITION BY source, measure, bound)::BIGINT AS tasks
    FROM (
        SELECT source, measure, 'at_least' AS bound, at_least AS seconds, sum(tasks) AS tasks
        FROM counted
        WHERE is_measured
        GROUP BY source, measure, at_least
        UNION ALL
        SELECT source, measure, 'at_most', at_most, sum(tasks)
        FROM counted
        WHERE is_measured
        GROUP BY source, measure, at_most
    )
),

percentile AS (
    SELECT
        source,
        measure,
        bound,
        min(seconds) FILTER (so_many * 2 >= tasks) AS p50,
        min(seconds) FILTER (so_many * 100 >= 99 * tasks) AS p99,
        min(seconds) FILTER (so_many * 10000 >= 9999 * tasks) AS p9999,
        max(seconds) AS highest
    FROM ranked
    GROUP BY source, measure, bound
)

SELECT
    p.source,
    n.measure,
    coalesce(s.tasks, 0) AS tasks,
    coalesce(s.watched, 0) AS watched,
    coalesce(s.late, 0) AS late,
    coalesce(s.pending, 0) AS pending,
    coalesce(s.left_out, 0) AS left_out,
    l.p50 AS p50_at_least_seconds,
    m.p50 AS p50_at_most_seconds,
    l.p99 AS p99_at_least_seconds,
    m.p99 AS p99_at_most_seconds,
    l.p9999 AS p9999_at_least_seconds,
    m.p9999 AS p9999_at_most_seconds,
    l.highest AS max_at_least_seconds,
    m.highest AS max_at_most_seconds
FROM period AS p
CROSS JOIN (VALUES ('created'), ('ended'), ('changed'), ('settled')) AS n (measure)
LEFT JOIN summed AS s ON s.source = p.source AND s.measure = n.measure
LEFT JOIN percentile AS l ON l.source = p.source AND l.measure = n.measure AND l.bound = 'at_least'
LEFT JOIN percentile AS m ON m.source = p.source AND m.measure = n.measure AND m.bound = 'at_most'
ORDER BY p.source, list_position(['created', 'ended', 'changed', 'settled'], n.measure)
