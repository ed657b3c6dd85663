-- Who may do what in ClickHouse, as far as it does not depend on policies; the rest is grants.sql. Run by
-- access.sh as `default`, as often as one likes: it brings everybody to what is written here, but takes
-- nothing back that was granted by hand.
--
-- The parameters are SHA-256 hashes of the passwords, hexadecimal: ClickHouse never gets to see a password.

-- `candor migrate`. It makes what is missing and drops nothing that is made: DROP TABLE is for the name under
-- which CREATE OR REPLACE VIEW puts the old view aside. When a policy becomes stricter it takes out of rows
-- what is no longer kept, and deletes those that are not: UPDATE and DELETE. Views run with its rights (SQL
-- SECURITY DEFINER), which is why it can read everything; DEFINER = CURRENT_USER needs no SET DEFINER. INSERT
-- is asked of whoever renames a new view into place; that on rows is taken back here and in grants.sql.
CREATE USER IF NOT EXISTS candor_migrator IDENTIFIED WITH sha256_hash BY {migrator:String};
ALTER USER candor_migrator IDENTIFIED WITH sha256_hash BY {migrator:String};
GRANT CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP VIEW ON candor.* TO candor_migrator;
GRANT ALTER ADD COLUMN, ALTER ADD CONSTRAINT, ALTER TTL, ALTER MODIFY COMMENT ON candor.* TO candor_migrator;
GRANT ALTER UPDATE, ALTER DELETE ON candor.* TO candor_migrator;
GRANT DROP TABLE ON candor._tmp_replace_* TO candor_migrator;
GRANT SELECT, INSERT ON candor.* TO candor_migrator;
REVOKE INSERT ON candor.batches FROM candor_migrator;
REVOKE INSERT ON candor.quarantine FROM candor_migrator;
REVOKE INSERT ON candor.quarantine__audit FROM candor_migrator;
-- What is there already.
GRANT SELECT ON system.columns TO candor_migrator;
GRANT SELECT ON system.tables TO candor_migrator;
-- The roles of policies, and what they read: of the rights that it has, it hands on SELECT. Whom a role is
-- given to is not for it to say: that takes ROLE ADMIN.
GRANT CREATE ROLE, SHOW ROLES, SHOW USERS ON *.* TO candor_migrator;
GRANT SELECT ON candor.* TO candor_migrator WITH GRANT OPTION;
GRANT SELECT ON system.grants TO candor_migrator;
GRANT SELECT ON system.role_grants TO candor_migrator;
GRANT SELECT ON system.roles TO candor_migrator;
GRANT SELECT ON system.user_directories TO candor_migrator;

-- The sinks. They write, and read back where they have written; what visitors did they cannot read.
CREATE USER IF NOT EXISTS candor_sink IDENTIFIED WITH sha256_hash BY {sink:String};
ALTER USER candor_sink IDENTIFIED WITH sha256_hash BY {sink:String};
GRANT INSERT ON candor.batches TO candor_sink;
GRANT SELECT(log, log_partition, first_offset, last_offset, events, rows, stored_at, marks) ON candor.batches TO candor_sink;
GRANT INSERT, SELECT(log, log_partition, log_offset, log_index) ON candor.quarantine TO candor_sink;
GRANT SELECT(log, log_partition, log_offset, log_index) ON candor.quarantine__audit TO candor_sink;

-- Whoever runs `candor audit`: the ledger, and where in the log rows come from. Nothing of what visitors did.
CREATE ROLE IF NOT EXISTS candor_auditor;
GRANT SELECT ON candor.batches TO candor_auditor;
GRANT SELECT ON candor.batches__changed TO candor_auditor;
GRANT SELECT(log, log_partition, log_offset) ON candor.quarantine TO candor_auditor;
GRANT SELECT(log, log_partition, log_offset, outcome) ON candor.quarantine__audit TO candor_auditor;
GRANT SELECT ON system.tables TO candor_auditor;

-- `candor quarantine`, for whoever decides what becomes of records that were set aside: it reads them, stores
-- them as the sinks do, takes out those that were settled, and writes down how. It reads no visits.
CREATE USER IF NOT EXISTS candor_quarantine IDENTIFIED WITH sha256_hash BY {quarantine:String};
ALTER USER candor_quarantine IDENTIFIED WITH sha256_hash BY {quarantine:String};
GRANT SELECT, ALTER DELETE ON candor.quarantine TO candor_quarantine;
GRANT INSERT ON candor.quarantine__audit TO candor_quarantine;

-- Analysts: persons get the role candor_reader (all controllers), or that of one controller's team, which
-- grants.sql makes. They read the guarded views, and nothing else.
CREATE ROLE IF NOT EXISTS candor_reader;
CREATE SETTINGS PROFILE IF NOT EXISTS candor_reader;
-- Limits of one query. Clients may set what they like (readonly = 2), but none of these higher, and none to
-- 0, which is without an end.
ALTER SETTINGS PROFILE candor_reader SETTINGS
    readonly = 2 CONST,
    max_execution_time = 60 MIN 1 MAX 60,
    max_memory_usage = 1073741824 MIN 1 MAX 1073741824,
    max_result_rows = 1000000 MIN 1 MAX 1000000,
    max_concurrent_queries_for_user = 8 MIN 1 MAX 8;
ALTER ROLE candor_reader SETTINGS PROFILE 'candor_reader';
-- Limits of one person, whatever the person's role: nobody carries the tables off query by query.
CREATE QUOTA IF NOT EXISTS candor_reader;
ALTER QUOTA candor_reader KEYED BY user_name
    FOR INTERVAL 1 hour MAX queries = 5000, result_rows = 10000000, execution_time = 1800
    TO ALL EXCEPT default, candor_migrator, candor_quarantine, candor_sink;
-- Nothing grants files or other hosts; this takes back what was granted by hand.
REVOKE SOURCES ON *.* FROM candor_reader;
