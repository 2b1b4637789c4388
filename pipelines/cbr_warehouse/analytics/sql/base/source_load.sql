-- Question: when was each source last loaded, and how many of its records are in quarantine?
-- Grain: one row per source with a load of any outcome.
-- Definition: watermark is the latest, over the loads with outcome done, of the load's start or the end of its range,
--   whichever is earlier. quarantined counts the records in quarantine that are not resolved.
-- Settings: none
-- Edge cases: a load that was killed or failed has another outcome than done and moves no watermark.
-- Columns:
--   source: Name of the configured source.
--   watermark: Time up to which the source was loaded; NULL before its first finished load.
--   last_load_at: Start of its last load, of any outcome.
--   last_load_outcome: Outcome of that load.
--   quarantined: Records in quarantine that are not resolved.
WITH loaded AS (
    SELECT
        source,
        max(least(coalesce(until, started_at), started_at)) FILTER (outcome = 'done') AS watermark,
        max(started_at) AS last_load_at,
        arg_max(outcome, load_id) AS last_load_outcome
    FROM main.loads
    GROUP BY source
),

unresolved AS (
    SELECT source, count(*) AS quarantined
    FROM main.quarantine
    WHERE resolved_at IS NULL
    GROUP BY source
)

SELECT l.source, l.watermark, l.last_load_at, l.last_load_outcome, coalesce(u.quarantined, 0) AS quarantined
FROM loaded AS l
LEFT JOIN unresolved AS u ON u.source = l.source
