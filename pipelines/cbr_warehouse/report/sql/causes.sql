-- Question: why do backups fail?
-- Grain: one row per error code of backups failed in the period.
-- Definition: failed and timed-out backup attempts by code, with its class, the resources they hit and their share
--   of all failures.
-- Settings: none
-- Edge cases: a failure without a code is the row (none). Texts are the vendor's.
SELECT
    coalesce(a.error_code, '(none)') AS error_code,
    any_value(k.class) AS class,
    count(*) AS failures,
    count(DISTINCT (a.source, a.resource_id)) AS resources,
    count(*) / sum(count(*)) OVER () AS share,
    min(a.created_at) AS first_seen_at,
    max(a.created_at) AS last_seen_at,
    any_value(e.text_en) AS text_en,
    any_value(e.text_zh) AS text_zh,
    any_value(e.advice_en) AS advice_en,
    any_value(e.advice_zh) AS advice_zh
FROM analytics.attempt AS a
LEFT JOIN analytics.error_code AS e USING (error_code)
LEFT JOIN analytics.error_class AS k ON k.error_code = coalesce(a.error_code, '(none)')
WHERE a.operation_type = 'backup' AND a.outcome = 'fail'
    AND a.created_at >= $from_at AND a.created_at < $to_at
GROUP BY coalesce(a.error_code, '(none)')
ORDER BY failures DESC, error_code
