-- Question: which three problems matter most at the end of the period, and whom do they hit?
-- Grain: one row per vault and cause, at most three.
-- Definition: resources, not removed and still loaded, that are without a recent enough recovery point at the end of the
--   period, or whose backups had failed at least `strikes` times in a row then, grouped by vault and by cause (as in
--   worst); by their unprotected hours in the period, then by their number. since: the earliest of theirs. named: the
--   three of them that were unprotected for longest.
-- Settings: rpo_grace, strikes
-- Edge cases: a resource in several vaults belongs to its newest. Texts and advice are the vendor's, by error code.
WITH
-- include risk

SELECT
    x.source,
    coalesce(any_value(x.vault), '(none)') AS vault,
    x.vault_id,
    x.cause,
    count(*) AS resources,
    count(*) FILTER (x.is_unprotected_at_end) AS unprotected,
    list(x.resource ORDER BY x.unprotected_hours DESC, x.strikes DESC, x.resource_id)[:3] AS named,
    list(x.resource_id ORDER BY x.unprotected_hours DESC, x.strikes DESC, x.resource_id)[:3] AS named_ids,
    min(x.since) AS since,
    max(x.strikes) AS strikes,
    round(sum(x.unprotected_hours::DECIMAL(18, 6))::DOUBLE, 6) AS unprotected_hours,
    any_value(e.text_en) AS text_en,
    any_value(e.text_zh) AS text_zh,
    any_value(e.advice_en) AS advice_en,
    any_value(e.advice_zh) AS advice_zh
FROM at_risk AS x
LEFT JOIN analytics.error_code AS e ON e.error_code = x.cause
WHERE x.is_unprotected_at_end OR x.strikes >= (SELECT strikes FROM analytics.settings)
GROUP BY x.source, x.vault_id, x.cause
ORDER BY unprotected_hours DESC, resources DESC, x.source, x.vault_id, x.cause
LIMIT 3
