-- Title: Every resource there is has protection
-- Version: 1
-- Question: is there a resource that no backup protects, enrolled or not?
-- Population: resources; that can be protected or are in a vault, of sources whose inventory is loaded
-- Grain: one row per source and resource of estate_resource, and one per list of the inventory that could not be read.
-- Definition: fails where estate_resource has a reason other than not_known; why and since are those of
--   unprotected_resources. A list that was not read completely cannot be judged, nor a resource that is not_known.
-- Window: none
-- Missing days: are judged by row
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: not applicable without an inventory (`inventory = true` of the source): the log does not name what was never
--   enrolled. A list that the source does not offer is left out. Backups that are merely too old are rpo_kept's matter.
-- Clauses:
--   DORA Art. 12(1)(a): shows which data are outside the scope of backup, by the source's own list of what there is.
--   NIS2 Art. 21(2)(c): shows what is not managed by backup.
--   ISO 27001 A.8.13: shows which systems no backup copy is kept of.
--   NIST CP-9 a, b: shows which systems no backup is conducted of.
--   SOC 2 A1.2: shows what is not backed up (point of focus "performs data backup").
SELECT
    e.source,
    e.resource_id AS item,
    coalesce(nullif(e.resource_name, ''), e.resource_id) AS name,
    CASE WHEN e.is_known THEN e.reason IS NOT NULL END AS fails,
    coalesce(u.why, 'whether it is in a vault is not known: the list of vaults was not read') AS why,
    coalesce(e.since, e.first_seen_at) AS since,
    coalesce(u.days, 0) AS worst
FROM analytics.estate_resource AS e
LEFT JOIN analytics.unprotected_resources AS u ON u.source = e.source AND u.resource_id = e.resource_id
UNION ALL
SELECT
    source,
    concat_ws('/', 'inventory', kind, nullif(object_type, '')) AS item,
    concat_ws(' ', 'list of', kind, nullif(object_type, '')) AS name,
    NULL AS fails,
    'not read completely (' || replace(state, '_', ' ') || ')' || coalesce(': ' || reason, '') AS why,
    asked_at AS since,
    0 AS worst
FROM analytics.inventory_list
WHERE state NOT IN ('complete', 'not_offered')
