-- Question: which vaults are least reliable?
-- Grain: one row per vault with a verdict in the period, the ten with the lowest bound.
-- Definition: final success rate of backup days by the vault of their last attempt, ranked by the lower bound
--   of the 95 % Wilson interval, which few days make low.
-- Settings: timezone, day_anchor
-- Edge cases: vaults where everything succeeded are left out.
SELECT
    source,
    coalesce(any_value(nullif(vault_name, '')), vault_id, '(none)') AS vault,
    count(DISTINCT resource_id) AS resources,
    count(*) FILTER (verdict = 'protected') AS protected,
    count(*) AS windows,
    protected / windows AS final_success_rate,
    (final_success_rate + 1.9208 / windows
        - 1.96 * sqrt(final_success_rate * (1 - final_success_rate) / windows + 0.9604 / (windows * windows)))
        / (1 + 3.8416 / windows) AS wilson_lower
FROM analytics.resource_day
WHERE backup_day >= $from_day AND backup_day < $to_day AND verdict IN ('protected', 'failed', 'skipped')
GROUP BY source, vault_id
HAVING protected < windows
ORDER BY wilson_lower, windows DESC, vault
LIMIT 10
