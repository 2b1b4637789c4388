-- Question: for how long was each resource without a recent enough recovery point, in a span of time?
-- Grain: one row per source and resource that was enrolled in the span.
-- Definition: at each moment the recovery point with the latest rp_at counts of those with usable_at by then and no
--   deleted_at by then. A resource is unprotected while the time since its rp_at exceeds rpo; before its first recovery
--   point is usable, while the time since its first backup task was created exceeds rpo; and at once while all its
--   recovery points are deleted. Observation is clipped to the span and ends when the resource is removed, or at the
--   watermark of a source that is excluded from analytics.as_of (not_loaded_since).
-- Arguments: from_at, to_at
-- Settings: rpo_grace, default_interval, [[schedules]] (through analytics.resource)
-- Edge cases: a recovery point counts from usable_at, its age from rp_at, so a long backup is visible. One that becomes
--   usable late with an older rp_at changes nothing. Deletions that name no backup (with a vault, with a resource, by a
--   sync) are not known here. is_unprotected_at_end agrees with the buckets of resource_protection.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   observed_hours: Hours of the span in which the resource was enrolled.
--   unprotected_hours: Of them unprotected.
--   breaches: Unbroken unprotected stretches.
--   is_unprotected_at_end: Whether it is unprotected at the end of the span; false where observation ended before.
WITH asked AS (
    SELECT c.source, CAST(from_at AS TIMESTAMPTZ) AS from_at, CAST(to_at AS TIMESTAMPTZ) AS to_at
    FROM analytics.source_clock AS c
),

-- include exposure

SELECT source, resource_id, observed_hours, unprotected_hours, breaches, is_unprotected_at_end
FROM exposure
