-- Question: which versions of one task were received, and what did the API send?
-- Grain: one row per distinct version, the newest first.
-- Definition: rows of task_versions; record_text is the record exactly as first received.
-- Settings: none
-- Edge cases: the same facts printed differently are one version.
FROM main.task_versions
WHERE source = $source AND task_id = $id
ORDER BY version DESC
