-- Question: which lists of the inventory were read, up to when, and which are missing?
-- Grain: one row per source, kind of object and type of object that a snapshot of the inventory asked for.
-- Definition: state and reason are those of the newest snapshot; complete_at is the newest snapshot that read the list
--   completely, first_complete_at the first. The rows of table inventory_snapshots, by list.
-- Settings: none
-- Edge cases: no row of a source whose inventory is not loaded (`inventory` of the source). What is current comes from the
--   newest complete snapshot, and what later partial ones saw besides.
-- Columns:
--   source: Name of the configured source.
--   kind: vaults, policies, backups or protectables.
--   object_type: Type of protectable; empty for the other kinds.
--   asked_at: When the newest snapshot was taken.
--   state: What came of it: complete, partial, not_permitted, not_offered or failed.
--   reason: Why it is not complete; NULL where it is.
--   complete_at: The newest complete snapshot; NULL if none ever was.
--   first_complete_at: The first complete snapshot; NULL if none ever was.
SELECT
    source,
    kind,
    object_type,
    max(taken_at) AS asked_at,
    arg_max(state, (taken_at, load_id)) AS state,
    arg_max_null(reason, (taken_at, load_id)) AS reason,
    max(taken_at) FILTER (state = 'complete') AS complete_at,
    min(taken_at) FILTER (state = 'complete') AS first_complete_at
FROM main.inventory_snapshots
GROUP BY source, kind, object_type
