-- Title: Exceptions current
-- Version: 1
-- Question: is an exception of a control out of date?
-- Population: exceptions; those of the configuration
-- Grain: one row per exception.
-- Definition: fails where `until` is before the UTC day of the check. The exception has no effect any more; renew it or remove it.
-- Window: none
-- Missing days: are judged by row
-- Settings: [[exceptions]]
-- Edge cases: an exception that matches nothing passes. In an evidence pack, the day of the check is that of its watermark.
-- Clauses:
--   NIS2 Art. 21(2)(f): shows that what is left out of controls is reviewed.
SELECT
    coalesce(source, '(all)') AS source,
    format('{}: {}', control, coalesce(resource, '(all)')) AS item,
    format('{} of {}', coalesce(resource, 'all'), control) AS name,
    until < $today AS fails,
    format('ended on {}: {}', until, reason) AS why,
    until::TIMESTAMP AT TIME ZONE 'UTC' AS since,
    -epoch(until) AS worst
FROM $exceptions AS e
