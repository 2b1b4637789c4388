-- Question: which resources could be protected?
-- Grain: one row per source and resource that is current in the list of protectable resources.
-- Definition: the current version of table protectables; first_seen_at is the first snapshot of any version. server_id is a
--   server of the same list that has the resource among its children, so that a backup of that server covers it. tags are
--   those of the resource as key=value.
-- Settings: none
-- Edge cases: a resource listed under two types has one row, that of the first type by name. Tags are read from an array of
--   texts, an array of objects with key and value, or an object.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   object_type: Type that was asked for: server, disk, turbo and so on.
--   resource_name: Its name.
--   resource_type: Its type, such as OS::Nova::Server.
--   size_gb: Its size in GB.
--   status: Its status at its own service.
--   is_protectable: Whether the source says that it can be backed up; NULL if it does not say.
--   not_protectable_because: Why not.
--   enterprise_project_id: Enterprise project, where its service says so.
--   tags: Its tags as key=value, in order.
--   server_id: Server that it is a part of; NULL if none is listed.
--   protecting_vault_id: Vault that protects it by this list; NULL if it names none.
--   protecting_vault_name: Name of that vault.
--   first_seen_at: When a snapshot first saw it.
WITH current AS (
    SELECT *, row_number() OVER (PARTITION BY source, resource_id ORDER BY object_type ASC) AS place
    FROM main.protectables
    WHERE is_current
),

seen AS (
    SELECT source, resource_id, min(first_seen_at) AS first_seen_at
    FROM main.protectables
    GROUP BY source, resource_id
),

part AS (
    SELECT source, child_id, min(resource_id) AS server_id
    FROM (
        SELECT source, resource_id, unnest(json_extract_string(children, '$[*].id')) AS child_id
        FROM current
        WHERE children IS NOT NULL
    )
    WHERE child_id IS NOT NULL
    GROUP BY source, child_id
),

tag AS (
    SELECT
        source,
        resource_id,
        list_sort(list_filter(CASE json_type(tags)
            WHEN 'OBJECT' THEN list_transform(
                json_keys(tags),
                lambda name: name || '=' || coalesce(json_extract_string(tags, '/' || replace(replace(name, '~', '~0'), '/', '~1')), '')
            )
            WHEN 'ARRAY' THEN list_transform(
                json_extract(tags, '$[*]'),
                lambda one: CASE
                    WHEN json_type(one) = 'OBJECT'
                        THEN json_extract_string(one, '$.key') || '=' || coalesce(json_extract_string(one, '$.value'), '')
                    ELSE json_extract_string(one, '$')
                END
            )
        END, lambda text: text IS NOT NULL)) AS tags
    FROM current
    WHERE tags IS NOT NULL AND place = 1
)

SELECT
    c.source,
    c.resource_id,
    c.object_type,
    c.resource_name,
    c.resource_type,
    c.size_gb,
    c.status,
    c.is_protectable,
    coalesce(c.protectable_message, c.protectable_reason, c.protectable_code) AS not_protectable_because,
    c.enterprise_project_id,
    coalesce(t.tags, []) AS tags,
    p.server_id,
    c.protecting_vault_id,
    c.protecting_vault_name,
    s.first_seen_at
FROM current AS c
JOIN seen AS s ON s.source = c.source AND s.resource_id = c.resource_id
LEFT JOIN part AS p ON p.source = c.source AND p.child_id = c.resource_id AND p.server_id <> c.resource_id
LEFT JOIN tag AS t ON t.source = c.source AND t.resource_id = c.resource_id
WHERE c.place = 1
