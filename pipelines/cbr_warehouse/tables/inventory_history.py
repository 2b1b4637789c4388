"""The SQL of the history of each object of the inventory, which goes on from the versions that are known.

It reads what snapshots that the tables lack saw, of one source:

- ``inventory_snapshot``: one row per snapshot, kind and object_type, as the table ``inventory_snapshots``;
- ``inventory_sighting``: ``load_id``, ``kind``, ``object_type``, ``object_id``, ``content_hash``;
- ``inventory_record``: ``kind``, ``object_type``, ``object_id``, ``content_hash``, ``record_text``;
- ``inventory_seed``: the last version of each object by the snapshots before; empty where there are none.

The texts of records that are known already are in none of them. ``inventory`` runs it.
"""

SEED = """
CREATE TEMP TABLE inventory_seed AS
SELECT o.* EXCLUDE (source)
FROM meta.inventory_objects AS o
SEMI JOIN inventory_snapshot USING (kind, object_type)
WHERE o.source = $source
"""

SIGHTINGS = """
CREATE TEMP TABLE inventory_sighting AS
SELECT DISTINCT load_id, kind, coalesce(object_type, '') AS object_type, coalesce(object_id, '') AS object_id,
    content_hash
FROM {files}
"""

WANTED = """
CREATE TEMP TABLE inventory_wanted AS
SELECT DISTINCT s.kind, s.object_type, s.object_id, s.content_hash
FROM inventory_sighting AS s
ANTI JOIN inventory_seed AS k USING (kind, object_type, object_id, content_hash)
ANTI JOIN (FROM main.inventory_malformed WHERE source = $source) AS m USING (kind, object_type, content_hash)
"""
"""The records whose texts have to be read: not the last version of an object, nor known to be malformed."""

EMPTY_RECORDS = """
CREATE TEMP TABLE inventory_record AS SELECT *, NULL::VARCHAR AS record_text FROM inventory_wanted LIMIT 0
"""

RECORDS = """
INSERT INTO inventory_record
SELECT kind, object_type, object_id, content_hash, any_value(record_text)
FROM (
    SELECT kind, coalesce(object_type, '') AS object_type, coalesce(object_id, '') AS object_id, content_hash,
        record_text
    FROM {files})
SEMI JOIN (
    FROM inventory_wanted ANTI JOIN inventory_record USING (kind, object_type, object_id, content_hash)) AS w
    USING (kind, object_type, object_id, content_hash)
GROUP BY ALL
"""
"""A text may be stored twice, where files were damaged between."""

MISSING_RECORDS = """
SELECT count(*) FROM inventory_wanted
ANTI JOIN inventory_record USING (kind, object_type, object_id, content_hash)
"""

SOUND_RECORDS = """
CREATE TEMP TABLE inventory_sound AS
SELECT DISTINCT kind, object_type, object_id, content_hash FROM inventory_record
WHERE object_id <> ''
    AND CASE WHEN json_valid(record_text) THEN json_type(record_text) = 'OBJECT' ELSE false END
UNION
SELECT kind, object_type, object_id, content_hash FROM inventory_seed
"""
"""Records that become rows; every other one is in ``inventory_malformed``."""

MALFORMED_AGAIN = """
UPDATE main.inventory_malformed AS m SET last_seen_at = s.taken_at
FROM (
    SELECT kind, object_type, content_hash, max(taken_at) AS taken_at
    FROM inventory_sighting
    JOIN inventory_snapshot USING (load_id, kind, object_type)
    ANTI JOIN inventory_sound USING (kind, object_type, object_id, content_hash)
    GROUP BY ALL) AS s
WHERE m.source = $source AND m.kind = s.kind AND m.object_type = s.object_type
    AND m.content_hash = s.content_hash
"""

MALFORMED = """
SELECT $source AS source, kind, object_type, content_hash,
    min(n.taken_at) AS first_seen_at, max(n.taken_at) AS last_seen_at, any_value(r.record_text) AS record_text
FROM inventory_record AS r
JOIN inventory_sighting AS s USING (kind, object_type, object_id, content_hash)
JOIN inventory_snapshot AS n USING (load_id, kind, object_type)
ANTI JOIN inventory_sound AS k USING (kind, object_type, object_id, content_hash)
GROUP BY kind, object_type, content_hash
"""

HISTORY = """
CREATE TEMP TABLE inventory_history AS
WITH snapshot AS (
    -- completed counts the complete snapshots up to this one.
    SELECT *, count(*) FILTER (state = 'complete') OVER in_order AS completed,
        count(*) FILTER (state = 'complete') OVER (PARTITION BY kind, object_type) AS completed_in_all,
        row_number() OVER in_order AS number
    FROM inventory_snapshot
    WINDOW in_order AS (
        PARTITION BY kind, object_type ORDER BY taken_at ASC, load_id ASC ROWS UNBOUNDED PRECEDING)
),

of_list AS (
    SELECT kind, object_type, any_value(completed_in_all) AS completed_in_all
    FROM snapshot
    GROUP BY kind, object_type
),

seen AS (
    -- Of two texts of one object in one snapshot, which changed between two pages, any one has to do.
    SELECT s.kind, s.object_type, s.object_id, n.number, max(s.content_hash) AS content_hash,
        any_value(n.taken_at) AS begun_at, any_value(n.taken_at) AS taken_at,
        any_value(n.completed) AS completed, any_value(n.completed_in_all) AS completed_in_all,
        any_value(n.completed - (n.state = 'complete')::BIGINT) AS completed_before, 0 AS versions_before
    FROM inventory_sighting AS s
    JOIN snapshot AS n USING (load_id, kind, object_type)
    SEMI JOIN inventory_sound AS k USING (kind, object_type, object_id, content_hash)
    GROUP BY s.kind, s.object_type, s.object_id, n.number
    UNION ALL
    -- A last version that is not current was last seen before a complete snapshot that lacks it.
    SELECT o.kind, o.object_type, o.object_id, 0, o.content_hash, o.first_seen_at, o.last_seen_at,
        CASE WHEN o.is_current THEN 0 ELSE -1 END, l.completed_in_all, NULL, o.version - 1
    FROM inventory_seed AS o
    JOIN of_list AS l USING (kind, object_type)
),

marked AS (
    SELECT *,
        coalesce(completed_before > lag(completed) OVER of_object, false) AS is_back,
        content_hash IS DISTINCT FROM lag(content_hash) OVER of_object AS is_changed
    FROM seen
    WINDOW of_object AS (PARTITION BY kind, object_type, object_id ORDER BY number ASC)
),

numbered AS (
    SELECT *,
        max(versions_before) OVER so_far + count(*) FILTER (is_back OR is_changed) OVER so_far AS version,
        count(*) FILTER (is_back) OVER so_far AS presence
    FROM marked
    WINDOW so_far AS (
        PARTITION BY kind, object_type, object_id ORDER BY number ASC ROWS UNBOUNDED PRECEDING)
)

SELECT kind, object_type, object_id, version, presence, content_hash,
    min(begun_at) AS first_seen_at,
    max(taken_at) AS last_seen_at,
    version = max(version) OVER (PARTITION BY kind, object_type, object_id)
        AND max(completed) = any_value(completed_in_all) AS is_current
FROM numbered
GROUP BY kind, object_type, object_id, version, presence, content_hash
"""
"""Versions of each object: sightings in a row with one content, unless a complete snapshot between lacks it.

``presence`` counts how often the object came back. The first version of an object in ``inventory_seed`` is
the one there, seen up to now.
"""

SIGHTED_AGAIN = """
CREATE TEMP TABLE inventory_again AS
SELECT h.kind, h.object_type, h.object_id, h.version, h.last_seen_at, h.is_current,
    s.last_seen_at AS seen_before, h.is_current <> s.is_current AS is_ended
FROM inventory_history AS h
JOIN inventory_seed AS s USING (kind, object_type, object_id, version)
WHERE (h.last_seen_at, h.is_current) IS DISTINCT FROM (s.last_seen_at, s.is_current)
"""
"""Versions that the tables have already, and that were seen again or ended."""

REMOVE_OBJECTS = """
DELETE FROM meta.inventory_objects AS o USING (SELECT DISTINCT kind, object_type FROM inventory_snapshot) AS n
WHERE o.source = $source AND o.kind = n.kind AND o.object_type = n.object_type
"""

INSERT_OBJECTS = """
INSERT INTO meta.inventory_objects BY NAME
SELECT $source AS source, * EXCLUDE (presence)
FROM inventory_history
QUALIFY version = max(version) OVER (PARTITION BY kind, object_type, object_id)
"""

REMOVE_UNCHANGED = """
DELETE FROM inventory_history AS h USING (
    SELECT kind, object_type, object_id FROM inventory_history GROUP BY ALL HAVING count(*) = 1
    INTERSECT SELECT kind, object_type, object_id FROM inventory_seed) AS k
WHERE h.kind = k.kind AND h.object_type = k.object_type AND h.object_id = k.object_id
"""
"""Leaves the objects that have a new version, with the one before it."""

REMOVE_KNOWN = """
DELETE FROM inventory_history AS h USING inventory_seed AS k
WHERE h.kind = k.kind AND h.object_type = k.object_type AND h.object_id = k.object_id
    AND h.version = k.version
"""

CHANGED_KINDS = """
SELECT kind FROM inventory_history UNION SELECT kind FROM inventory_again WHERE is_ended
"""
