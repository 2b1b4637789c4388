-- Question: if the region were lost, how old would the newest copies in other regions be?
-- Grain: one row.
-- Definition: of the resources that have ever had a successful copy, are not removed and still loaded: hours from
--   rp_at of the newest recovery point copied by the end of the period to that end; 95th percentile.
-- Settings: none
-- Edge cases: resources never copied have no off-site recovery point at all; they are not in the percentile
--   and are listed by analytics.offsite_rpo.
WITH copied AS (
    SELECT p.source, p.resource_id, max(p.rp_at) AS newest_rp_at
    FROM analytics.recovery_point AS p
    JOIN analytics.resource AS r USING (source, resource_id)
    WHERE p.first_copied_at < $to_at AND coalesce(least(r.removed_at, r.not_loaded_since) >= $to_at, true)
    GROUP BY ALL
)

SELECT
    count(*) AS denominator,
    count(*) AS numerator,
    quantile_cont((epoch($to_at) - epoch(newest_rp_at)) / 3600, 0.95) AS value
FROM copied
