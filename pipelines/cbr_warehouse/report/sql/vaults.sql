-- Question: which vaults are least reliable?
-- Grain: one row per vault with a verdict in the period, the ten with the lowest bound.
-- Definition: final success rate of backup days by the vault of their last attempt, ranked by the lower bound
--   of the 95 % Wilson interval, which few days make low.
-- Settings: timezone, day_anchor
-- Edge cases: vaults where everything succeeded are left out. vault_short_id is given where other vaults have the
--   same name: the first characters of the id that tell them apart.
WITH named AS (
    SELECT
        source,
        vault_id,
        vault,
        CASE
            WHEN vault_id IS NULL OR count(*) OVER (PARTITION BY shown) = 1 THEN NULL
            WHEN count(*) OVER (PARTITION BY shown, left(vault_id, 8)) = 1 THEN left(vault_id, 8)
            ELSE vault_id
        END AS vault_short_id
    FROM (
        SELECT
            source,
            vault_id,
            coalesce(max(nullif(vault_name, '')), vault_id, '(none)') AS vault,
            trim(left(vault, 79)) AS shown -- As much of a name as the report shows.
        FROM analytics.resource_day
        GROUP BY source, vault_id
    )
)

SELECT
    d.source,
    any_value(n.vault) AS vault,
    any_value(n.vault_short_id) AS vault_short_id,
    d.vault_id,
    count(DISTINCT d.resource_id) AS resources,
    count(*) FILTER (d.verdict = 'protected') AS protected,
    count(*) AS windows,
    protected / windows AS final_success_rate,
    (final_success_rate + 1.9208 / windows
        - 1.96 * sqrt(final_success_rate * (1 - final_success_rate) / windows + 0.9604 / (windows * windows)))
        / (1 + 3.8416 / windows) AS wilson_lower
FROM analytics.resource_day AS d
LEFT JOIN named AS n ON n.source = d.source AND n.vault_id IS NOT DISTINCT FROM d.vault_id
WHERE d.backup_day >= $from_day AND d.backup_day < $to_day AND d.verdict IN ('protected', 'failed', 'skipped')
GROUP BY d.source, d.vault_id
HAVING protected < windows
ORDER BY wilson_lower, windows DESC, vault, d.vault_id
LIMIT 10
