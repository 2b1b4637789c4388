-- Question: how many resources have a recent enough backup, how many an old one, how many none at all?
-- Grain: one row per source and resource type.
-- Definition: counts of the buckets of resource_protection at analytics.as_of. resources counts those neither removed nor
--   not_loaded. Coverage rate = within_rpo / (resources - new).
-- Settings: rpo_grace, default_interval, [[schedules]] (through analytics.resource)
-- Edge cases: new resources are in no denominator; removed and not_loaded ones are counted separately. The population is
--   the resources that the log names: one that no backup task ever named is in no row. assumed counts those measured by the
--   default interval, because the log shows no schedule for them.
-- Columns:
--   source: Name of the configured source.
--   resource_type: Type; (unknown) where it is missing.
--   resources: Resources neither removed nor not_loaded.
--   within_rpo: Of them with a recovery point no older than their rpo.
--   within_2x_rpo: Of them with one no older than twice their rpo.
--   within_7d: Of them with one older than that, no older than 7 days.
--   older_than_7d: Of them with an older one only.
--   none_left: Of them backed up before, all their recovery points deleted.
--   never: Of them never backed up.
--   new: Of them not backed up yet, first tried less than rpo ago.
--   removed: Resources removed.
--   not_loaded: Resources of a source excluded from analytics.as_of, not removed.
--   coverage_rate: within_rpo / (resources - new).
--   assumed: Resources measured by the default interval.
SELECT
    source,
    coalesce(resource_type, '(unknown)') AS resource_type,
    count(*) FILTER (bucket NOT IN ('removed', 'not_loaded')) AS resources,
    count(*) FILTER (bucket = 'within_rpo') AS within_rpo,
    count(*) FILTER (bucket = 'within_2x_rpo') AS within_2x_rpo,
    count(*) FILTER (bucket = 'within_7d') AS within_7d,
    count(*) FILTER (bucket = 'older_than_7d') AS older_than_7d,
    count(*) FILTER (bucket = 'none_left') AS none_left,
    count(*) FILTER (bucket = 'never') AS never,
    count(*) FILTER (bucket = 'new') AS new,
    count(*) FILTER (bucket = 'removed') AS removed,
    count(*) FILTER (bucket = 'not_loaded') AS not_loaded,
    count(*) FILTER (bucket = 'within_rpo')
        / nullif(count(*) FILTER (bucket NOT IN ('removed', 'not_loaded', 'new')), 0) AS coverage_rate,
    count(*) FILTER (bucket NOT IN ('removed', 'not_loaded') AND schedule_basis = 'assumed') AS assumed
FROM analytics.resource_protection
GROUP BY ALL
