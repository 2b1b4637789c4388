-- Question: which alarms were raised, about what, and when?
-- Grain: one row per alarm of mass_deletion, backups_stopped, retention_shortened, policy_edited, duration_jump and strike.
-- Definition: as in these views. How often each of them is right was measured on estates of the emulator: docs/alarms.md.
-- Settings: signal_window
-- Edge cases: none
-- Columns:
--   source: Name of the configured source.
--   alarm: Name of the view that defines it.
--   vault_id: Vault.
--   vault_name: Its name.
--   schedule_id: Schedule; NULL where it is not about one.
--   resource_id: Resource; of several that stopped together the first; NULL where it is about a whole vault.
--   began_at: When what it is about began, as far as the log shows.
--   raised_at: When the log showed it.
SELECT source, 'mass_deletion' AS alarm, vault_id, vault_name, NULL AS schedule_id, NULL AS resource_id, began_at, raised_at
FROM analytics.mass_deletion
UNION ALL
SELECT source, 'backups_stopped', vault_id, vault_name, schedule_id, resource_ids[1], last_run_at, raised_at
FROM analytics.backups_stopped
UNION ALL
SELECT source, 'retention_shortened', vault_id, vault_name, policy_id, NULL, began_at, raised_at
FROM analytics.retention_shortened
UNION ALL
SELECT source, 'policy_edited', vault_id, vault_name, schedule_id, NULL, edited_by, raised_at
FROM analytics.policy_edited
UNION ALL
SELECT source, 'duration_jump', vault_id, vault_name, NULL, resource_id, began_at, raised_at
FROM analytics.duration_jump
UNION ALL
SELECT source, 'strike', vault_id, NULL, NULL, resource_id, began_at, raised_at
FROM analytics.strike
