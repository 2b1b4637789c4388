-- Question: how many records failed validation and are in no table?
-- Grain: one row per source.
-- Definition: records in quarantine whose task has no valid version.
-- Settings: none
-- Edge cases: they are in no other number.
SELECT source, quarantined AS numerator, NULL AS denominator
FROM analytics.data_quality
