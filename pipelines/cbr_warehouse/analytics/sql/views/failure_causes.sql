-- Question: why do tasks fail, and which few causes make most of the failures?
-- Grain: one row per source, operation type and error code with a failure in the lookback.
-- Definition: failed and timed-out tasks created in the lookback that ends at analytics.as_of, by code. share = failures /
--   all failures of that source and operation type; cumulative_share adds the shares of all rows up to this one, most
--   frequent first, equal ones by code (Pareto).
-- Settings: lookback
-- Edge cases: failures with a blank code are the row (none); timeouts seldom have one. first_seen_at and last_seen_at are over
--   all history. Every task counts, also a retry of the same resource; resources counts each once. The texts are the
--   vendor's; NULL where it documents none.
-- Columns:
--   source: Name of the configured source.
--   operation_type: Task type.
--   error_code: Error code, or (none).
--   class: Part of the service it refers to (error_class).
--   rank: Its place among the causes of that operation type; 1 has most failures.
--   failures: Failed attempts.
--   timeouts: Of them timed out.
--   resources: Resources hit.
--   vaults: Vaults hit.
--   share: failures / all failures of the source and operation type.
--   cumulative_share: share of this and all more frequent codes.
--   first_seen_at: When a task with it was first created, in all history.
--   last_seen_at: When a task with it was last created, in all history.
--   text_en: The vendor's text.
--   advice_en: The vendor's advice.
--   text_zh: The text in Chinese.
--   advice_zh: The advice in Chinese.
WITH
-- include lookback
,

failure AS (
    SELECT
        a.source,
        a.operation_type,
        coalesce(a.error_code, '(none)') AS error_code,
        a.status,
        a.resource_id,
        a.vault_id,
        a.created_at,
        a.created_at >= p.from_at AND a.created_at < p.to_at AS is_recent
    FROM analytics.attempt AS a
    CROSS JOIN span AS p
    WHERE a.outcome = 'fail'
),

cause AS (
    SELECT
        source,
        operation_type,
        error_code,
        count(*) FILTER (is_recent) AS failures,
        count(*) FILTER (is_recent AND status = 'timeout') AS timeouts,
        count(DISTINCT resource_id) FILTER (is_recent) AS resources,
        count(DISTINCT vault_id) FILTER (is_recent) AS vaults,
        min(created_at) AS first_seen_at,
        max(created_at) AS last_seen_at
    FROM failure
    GROUP BY source, operation_type, error_code
    HAVING failures > 0
)

SELECT
    c.source,
    c.operation_type,
    c.error_code,
    k.class,
    row_number() OVER causes AS rank,
    c.failures,
    c.timeouts,
    c.resources,
    c.vaults,
    c.failures / sum(c.failures) OVER (PARTITION BY c.source, c.operation_type) AS share,
    sum(c.failures) OVER causes / sum(c.failures) OVER (PARTITION BY c.source, c.operation_type)
        AS cumulative_share,
    c.first_seen_at,
    c.last_seen_at,
    e.text_en,
    e.advice_en,
    e.text_zh,
    e.advice_zh
FROM cause AS c
LEFT JOIN analytics.error_code AS e USING (error_code)
LEFT JOIN analytics.error_class AS k USING (error_code)
WINDOW causes AS (
    PARTITION BY c.source, c.operation_type ORDER BY c.failures DESC, c.error_code ASC ROWS UNBOUNDED PRECEDING
)
