-- Question: how many backups were deleted?
-- Grain: one row per source.
-- Definition: successful tasks of type delete, by created_at; each deletes one backup.
-- Settings: none
-- Edge cases: backups that go with a removed resource or a deleted vault are counted by those tasks themselves, see
--   deletion_audit.backups_deleted. Deletions by retention count.
SELECT source, count(*) FILTER (outcome = 'ok') AS numerator, NULL AS denominator
FROM analytics.attempt
WHERE operation_type = 'delete' AND created_at >= $from_at AND created_at < $to_at
GROUP BY source
