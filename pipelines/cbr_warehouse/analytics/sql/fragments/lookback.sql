-- Gives span(from_at, to_at), the lookback: computed once and not for each task, since time zones and intervals are slow.
span AS (
    SELECT o.as_of - to_seconds(epoch(s.lookback)) AS from_at, o.as_of AS to_at
    FROM analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
)
