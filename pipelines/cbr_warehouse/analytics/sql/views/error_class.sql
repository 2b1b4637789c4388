-- Question: which part of the service does an error code refer to?
-- Grain: one row per error code that the vendor documents or that a failed task had, and one for (none).
-- Definition: by the number ranges in which the vendor groups the codes BackupService.NUMBER: general, replication, restore,
--   migration, policy, vault, backup, resource, bucket, task, tag, share, disk, server, snapshot, sync, file_system, desktop,
--   quota, billing, sign_in, request and unknown. A code that is not documented has the class of its range.
-- Settings: none
-- Edge cases: other: a code BackupService.… in no range. foreign: any other code, such as CSBS.… or APIGW.…. (none): no code.
-- Columns:
--   error_code: Code, or (none).
--   class: Its class.
WITH span(first_number, last_number, class) AS (
    VALUES
        (0, 999, 'general'),
        (1000, 1999, 'replication'),
        (2000, 2999, 'restore'),
        (4000, 4999, 'migration'),
        (6000, 6099, 'policy'),
        (6100, 6199, 'vault'),
        (6200, 6299, 'backup'),
        (6300, 6399, 'resource'),
        (6400, 6499, 'bucket'),
        (6500, 6599, 'task'),
        (6600, 6699, 'tag'),
        (6700, 6799, 'share'),
        (7000, 7099, 'disk'),
        (7100, 7199, 'server'),
        (7200, 7299, 'snapshot'),
        (7300, 7399, 'sync'),
        (7500, 7599, 'file_system'),
        (7600, 7699, 'desktop'),
        (8300, 8399, 'quota'),
        (8400, 8499, 'billing'),
        (8600, 8699, 'sign_in'),
        (9900, 9909, 'request'),
        (9910, 9919, 'unknown'),
        (9990, 9999, 'sign_in')
),

code AS (
    SELECT error_code FROM analytics.error_code
    UNION
    SELECT coalesce(error_code, '(none)') FROM analytics.attempt WHERE outcome = 'fail'
    UNION
    SELECT '(none)'
)

SELECT
    c.error_code,
    CASE
        WHEN c.error_code = '(none)' THEN '(none)'
        WHEN starts_with(c.error_code, 'BackupService.') THEN coalesce(s.class, 'other')
        ELSE 'foreign'
    END AS class
FROM code AS c
LEFT JOIN span AS s
    ON TRY_CAST(regexp_extract(c.error_code, '^BackupService\.([0-9]+)$', 1) AS INTEGER)
    BETWEEN s.first_number AND s.last_number
