-- Question: how long did backups fail before one succeeded again?
-- Grain: one row.
-- Definition: of the series of failed backups (streak) that a success ended in the period: hours from the first failure to
--   the end of that success; median.
-- Settings: none
-- Edge cases: a single failure is a series of one. Series that are open at the end of the period have no length yet: made_good
--   counts them.
SELECT
    count(*) AS numerator,
    count(*) AS denominator,
    quantile_cont((epoch_us(recovered_at) - epoch_us(first_failed_at)) / 3600000000, 0.5) AS value
FROM analytics.streak
WHERE recovered_at >= $from_at AND recovered_at < $to_at
