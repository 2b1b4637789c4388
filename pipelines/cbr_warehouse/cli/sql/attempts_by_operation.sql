-- Question: of the tasks that ended, how many succeeded, by operation type?
-- Grain: one row per source and operation type.
-- Definition: attempt success rate = success / (success + failed + timeout), by created_at.
--   A timeout is a failure. Open (running, waiting), skipped and unknown statuses stand beside and
--   are in no denominator. Every attempt counts, also those that a later one made good.
-- Edge cases: the rate is NULL where nothing has ended in success or failure.
SELECT
    source,
    operation_type,
    count(*) FILTER (status = 'success') AS succeeded,
    count(*) FILTER (status IN ('failed', 'timeout')) AS failed,
    count(*) FILTER (status = 'skipped') AS skipped,
    count(*) FILTER (status IN ('running', 'waiting')) AS open,
    round(100.0 * succeeded / nullif(succeeded + failed, 0), 2) AS success_rate_percent
FROM tasks
GROUP BY source, operation_type
ORDER BY source, count(*) DESC, operation_type;
