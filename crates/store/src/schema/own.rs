//! Tables that no policy decides.

use super::{Relation, RelationKind, Schema};

impl Schema {
    pub(super) fn own_tables(&self) -> Vec<Relation> {
        let ledger = "log LowCardinality(String),\n  log_partition UInt32,\n  first_offset UInt64,\n  \
            last_offset UInt64,\n  records UInt32,\n  events UInt32,\n  \
            rows Map(LowCardinality(String), UInt64) COMMENT 'How many rows each table got.',\n  \
            buckets Map(LowCardinality(String), UInt64) COMMENT 'What did not become rows, and why.',\n  \
            stored_at DateTime('UTC'),\n  \
            marks Map(LowCardinality(String), UInt64) COMMENT 'By spill: the last of its sequences in the range.',\n  \
            held UInt64 COMMENT 'Rows that the records asked for, and records that cannot be read.',\n  \
            until Map(LowCardinality(String), UInt32) COMMENT 'When the first of the rows in each table dies, Unix seconds.'";
        let quarantine = "log LowCardinality(String),\n  log_partition UInt32,\n  log_offset UInt64,\n  \
            reason LowCardinality(String),\n  \
            record String COMMENT 'The record, hexadecimal; anonymised like everything in the log.',\n  \
            stored_at DateTime('UTC'),\n  \
            log_index UInt32,\n  \
            expires_at DateTime('UTC') DEFAULT stored_at + INTERVAL 7 DAY";
        let audit = "log LowCardinality(String),\n  log_partition UInt32,\n  log_offset UInt64,\n  \
            log_index UInt32,\n  reason LowCardinality(String),\n  \
            outcome LowCardinality(String) COMMENT 'stored or dropped.',\n  \
            rows Map(LowCardinality(String), UInt64) COMMENT 'How many rows each table got.',\n  \
            ended_at DateTime('UTC')";
        let changed = "table LowCardinality(String),\n  changed_at DateTime('UTC') DEFAULT now()";
        let schema = "version UInt32,\n  applied_at DateTime('UTC') DEFAULT now()";
        let tables = [
            (
                "batches",
                ledger,
                "ORDER BY (log, log_partition, first_offset)\nTTL stored_at + INTERVAL 90 DAY",
            ),
            ("quarantine", quarantine, "ORDER BY (log, log_partition, log_offset)\nTTL expires_at"),
            (
                // Two underscores: no purpose can be called so, and no team have such a view.
                "quarantine__audit",
                audit,
                "ORDER BY (log, log_partition, log_offset)\nTTL ended_at + INTERVAL 90 DAY",
            ),
            (
                "batches__changed",
                changed,
                "ORDER BY (table, changed_at)\nTTL changed_at + INTERVAL 90 DAY",
            ),
            ("schema", schema, "ORDER BY version"),
        ];
        let own = |(name, columns, keys): (&str, &str, &str)| Relation {
            name: name.to_owned(),
            create: self.create_table(name, columns, keys),
            kind: RelationKind::Own { added: added_to(name) },
        };
        tables.into_iter().map(own).collect()
    }
}

/// Statements that bring a table up to date that was made by an earlier version, each with the text of a
/// table that does not need it.
fn added_to(table: &str) -> &'static [(&'static str, &'static str)] {
    match table {
        "batches" => &[
            (
                "`marks`",
                "ADD COLUMN marks Map(LowCardinality(String), UInt64) \
                 COMMENT 'By spill: the last of its sequences in the range.'",
            ),
            (
                "`held`",
                "ADD COLUMN held UInt64 \
                 COMMENT 'Rows that the records asked for, and records that cannot be read.'",
            ),
            (
                "`until`",
                "ADD COLUMN until Map(LowCardinality(String), UInt32) \
                 COMMENT 'When the first of the rows in each table dies, Unix seconds.'",
            ),
        ],
        "quarantine" => &[
            ("`log_index`", "ADD COLUMN log_index UInt32"),
            (
                "`expires_at`",
                "ADD COLUMN expires_at DateTime('UTC') DEFAULT stored_at + INTERVAL 7 DAY",
            ),
            (" TTL expires_at ", "MODIFY TTL expires_at"),
        ],
        _ => &[],
    }
}
