-- Title: Restore tested
-- Version: 1
-- Question: was every resource restored successfully not long ago?
-- Population: resources; neither removed nor of a source that is excluded
-- Grain: one row per source and resource of restore_evidence.
-- Definition: passes where tested_within of restore_evidence is true. Else it fails where the log of its source reaches back
--   `restore_test` from the watermark, and cannot be judged where the log begins later: there may have been a restore.
-- Window: restore_test
-- Missing days: are judged by row
-- Settings: restore_test
-- Edge cases: the log does not tell drills from emergencies; both show that the backup can be restored.
-- Clauses:
--   DORA Art. 12(2): shows that restoration is tested periodically (second sentence), for backups of this service.
--   NIS2 Art. 21(2)(c): shows that recovery was tried.
--   ISO 27001 A.8.13: shows that backup copies are regularly tested.
--   NIST CP-9(1): shows that backups are tested for reliability.
--   NIST CP-9(2): shows that each resource was restored, as a sample or in need.
SELECT
    e.source,
    e.resource_id AS item,
    coalesce(nullif(e.resource_name, ''), e.resource_id) AS name,
    CASE
        WHEN e.tested_within THEN false
        WHEN l.first_day <= (o.as_of - to_seconds(epoch(s.restore_test)))::DATE THEN true
    END AS fails,
    CASE
        WHEN e.last_ok_restore_at IS NOT NULL THEN format('last restored on {}', e.last_ok_restore_at::DATE)
        WHEN e.restores_failed > 0 THEN format('{} restores failed, none succeeded', e.restores_failed)
        ELSE format('no restore since the log begins on {}', l.first_day)
    END AS why,
    e.last_ok_restore_at AS since,
    coalesce((epoch_us(o.as_of) - epoch_us(e.last_ok_restore_at)) / 86400000000, 1e9) AS worst
FROM analytics.restore_evidence AS e
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
LEFT JOIN (
    SELECT source, min(day) AS first_day FROM analytics.day_state WHERE checked_at IS NOT NULL GROUP BY source
) AS l ON l.source = e.source
WHERE coalesce(least(e.removed_at, e.not_loaded_since) > o.as_of, true)
