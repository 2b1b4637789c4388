-- Title: No consecutive failures
-- Version: 1
-- Question: does any resource fail again and again?
-- Population: resources; neither removed nor of a source that is excluded
-- Grain: one row per source and resource of resource_protection.
-- Definition: fails where consecutive_failures has the resource: at least `strikes` failed attempts since the last success.
-- Alarm: strike
-- Window: lookback
-- Missing days: may hide failures
-- Settings: strikes, lookback
-- Edge cases: strikes count attempts: an hourly policy reaches three in three hours, a weekly one in three weeks.
-- Clauses:
--   NIS2 Art. 21(2)(c): shows that no resource's backups fail again and again.
--   ISO 27001 A.8.13: shows that copies go on being made: no resource fails repeatedly.
--   NIST CP-9 a, b: shows that planned backups are conducted, single failures apart.
--   SOC 2 A1.2: shows that backup failures are monitored and none lasts (point of focus "performs data backup").
SELECT
    p.source,
    p.resource_id AS item,
    coalesce(nullif(p.resource_name, ''), p.resource_id) AS name,
    c.resource_id IS NOT NULL AS fails,
    format(
        '{} failure{} in a row, the last with {}',
        c.strikes, CASE WHEN c.strikes = 1 THEN '' ELSE 's' END, c.error_code
    ) || coalesce(': ' || c.text_en, '') AS why,
    c.first_failed_at AS since,
    c.strikes AS worst
FROM analytics.resource_protection AS p
LEFT JOIN analytics.consecutive_failures AS c ON c.source = p.source AND c.resource_id = p.resource_id
WHERE p.bucket NOT IN ('removed', 'not_loaded')
