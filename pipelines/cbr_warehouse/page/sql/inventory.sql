-- Question: which lists of the inventory were read, and up to when?
-- Grain: one row per source, kind and type of object.
-- Definition: rows of inventory_list.
-- Settings: none
-- Edge cases: no row of a source whose inventory is not loaded.
SELECT *
FROM analytics.inventory_list
WHERE true
    AND source = $source -- if source
ORDER BY source, kind, object_type
