-- Question: what is proved of each UTC day of a source?
-- Grain: one row per source and UTC day: the rows of table coverage.
-- Definition: a copy of the columns of coverage that the views read. The views read this copy and not coverage itself, so
--   that they give the same answer when the warehouse is attached to a session that has a table coverage of its own.
-- Settings: none
-- Edge cases: see coverage for the states.
-- Columns:
--   source: Name of the configured source.
--   day: UTC day of created_at.
--   state: complete, incomplete, unverified, lost or open.
--   counted: Tasks that the source counts.
--   held: Tasks stored.
--   quarantined: Records in quarantine, of tasks that are not stored in any version.
--   expired: Tasks stored that the source no longer serves.
--   checked_at: When the day was last compared with the source; NULL for a day never loaded.
SELECT source, day, state, counted, held, quarantined, expired, checked_at
FROM main.coverage
