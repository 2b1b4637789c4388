-- Question: of all resources there are, how many are protected, and what could not be read?
-- Grain: one row per source with an inventory.
-- Definition: the counts of estate_coverage over all resources, as of the newest complete list of the inventory (read_at).
--   missing: each kind of list that could not be read completely the last time, with its state; of protectable resources,
--   types that the service does not offer are not missing.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: of now, whatever the period. A source without an inventory has no row.
SELECT
    l.source,
    l.read_at,
    coalesce(c.resources, 0) AS resources,
    coalesce(c.enrolled, 0) AS enrolled,
    coalesce(c.within_rpo, 0) AS within_rpo,
    coalesce(c.unprotected, 0) AS unprotected,
    coalesce(c.not_known, 0) AS not_known,
    l.missing
FROM (
    SELECT
        source,
        max(complete_at) AS read_at,
        list_sort(coalesce(list(DISTINCT kind || ' ' || state) FILTER (
            state <> 'complete' AND NOT (kind = 'protectables' AND state = 'not_offered')
        ), [])) AS missing
    FROM analytics.inventory_list
    GROUP BY source
) AS l
LEFT JOIN (SELECT * FROM analytics.estate_coverage WHERE dimension = 'all') AS c USING (source)
ORDER BY l.source
