-- Question: how full was each vault, and when?
-- Grain: one row per source, vault and version of it.
-- Definition: the columns of table vaults that usage is computed from.
-- Settings: none
-- Edge cases: a version ends with any change of the vault, so that neighboring rows may have the same size.
-- Columns:
--   source: Name of the configured source.
--   vault_id: Vault.
--   version: Version of the vault.
--   first_seen_at: When a snapshot first saw it.
--   last_seen_at: When a snapshot last saw it.
--   is_current: Whether it is the vault of now.
--   size_gb: Capacity in GB.
--   used_mb: Used capacity in MB.
--   allocated_gb: Capacity of its resources in GB.
--   charging_mode: post_paid or pre_paid.
--   spec_code: Specification.
--   order_id: Order of a vault paid by term.
--   product_id: Product of that order.
--   auto_expand: Whether its capacity grows on its own.
--   threshold: Percentage of use from which a notification is sent.
SELECT
    source,
    vault_id,
    version,
    first_seen_at,
    last_seen_at,
    is_current,
    size_gb,
    used_mb,
    allocated_gb,
    charging_mode,
    spec_code,
    order_id,
    product_id,
    auto_expand,
    threshold
FROM main.vaults
