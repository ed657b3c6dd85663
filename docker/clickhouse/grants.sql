-- Prints the grants that depend on policies: there is a table for each purpose, and ClickHouse has no
-- wildcard for `…_rows`, nor one with columns. A grant on candor.* less some tables would show the rows of
-- each new purpose to everybody; so it is the other way round, and what is new is readable after this ran.
-- Run by access.sh after each `candor migrate`; the output is to be run in turn.

WITH
    candor AS (
        SELECT name, engine, startsWith(comment, 'candor ') AS is_ours, as_select
        FROM system.tables
        -- The alphabet of names in policies. Nothing here needs quotes.
        WHERE database = 'candor' AND match(name, '^[a-z][a-z0-9_]*$')
    ),
    rows_tables AS (SELECT name FROM candor WHERE engine = 'MergeTree' AND endsWith(name, '_rows')),
    -- Only what `candor migrate` made, and marked.
    views AS (SELECT name, as_select FROM candor WHERE engine = 'View' AND is_ours),
    -- `{purpose}__{controller}`, where no controller has `__` in its name, and which is limited to sites.
    teams AS (
        SELECT name, concat('candor_reader__', extract(name, '^.+__(.+)$')) AS role
        FROM views
        WHERE position(name, '__') > 0 AND position(as_select, ' WHERE site IN (') > 0
    )
SELECT arrayJoin([
    format('GRANT INSERT, SELECT(event_id, log, log_partition, log_offset, log_index) ON candor.{} TO candor_sink;', name),
    format('GRANT SELECT(log, log_partition, log_offset, log_index, stored_at) ON candor.{} TO candor_auditor;', name),
    format('GRANT INSERT, SELECT(log, log_partition, log_offset, log_index) ON candor.{} TO candor_quarantine;', name),
    format('REVOKE INSERT ON candor.{} FROM candor_migrator;', name)
]) AS statement
FROM rows_tables
UNION ALL
SELECT format('GRANT SELECT ON candor.{} TO candor_reader;', name) FROM views
UNION ALL
SELECT arrayJoin([
    format('CREATE ROLE IF NOT EXISTS {} SETTINGS PROFILE \'candor_reader\';', role),
    format('GRANT SELECT ON candor.{} TO {};', name, role)
])
FROM teams
