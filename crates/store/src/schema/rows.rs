//! The table of a purpose's rows.

use candor_event::{Field, FieldSet, Purpose};

use super::{Relation, RelationKind, Schema};
use crate::column::{COLUMNS, Column};

/// What rows are found by. Only columns that every table has and that nobody may ever want to change,
/// for a column of the key cannot be updated, emptied or given a TTL; and the time as it is, for a day
/// before it would hide it from the index. Measured in `docs/decisions/0003-order-key-and-codecs.md`.
const ORDER_BY: &str = "(site, kind, received_at)";

/// Only the network part of an address is ever stored, whatever the sink was told.
pub(crate) const TRUNCATED: &str = "CONSTRAINT address_is_truncated CHECK if(\
    startsWith(IPv6NumToString(address), '::ffff:'), \
    address_prefix <= 24 AND address = IPv6CIDRToRange(address, toUInt8(96 + address_prefix)).1, \
    address_prefix <= 48 AND address = IPv6CIDRToRange(address, address_prefix).1)";

// === impl Schema ===

impl Schema {
    pub(super) fn rows_table(&self, purpose: &Purpose, fields: FieldSet) -> Relation {
        let columns = columns(fields);
        let truncated_address = fields.contains(Field::Address);
        let name = format!("{purpose}_rows");
        let mut lines: Vec<_> =
            columns.iter().map(|column| column.definition(self.options.compressed)).collect();
        lines.push("INDEX log_offset_range log_offset TYPE minmax GRANULARITY 1".to_owned());
        if truncated_address {
            lines.push(TRUNCATED.to_owned());
        }
        let comment = format!(
            "The rows of the purpose {purpose}: one for each event that may be kept for it, until its \
             expires_at. People read the view {purpose} and those after it, which hide what is overdue."
        );
        let table = self.create_table(
            &name,
            &lines.join(",\n  "),
            &format!("PARTITION BY toYYYYMM(received_at)\nORDER BY {ORDER_BY}\nTTL expires_at"),
        );
        let create = format!("{table}\nCOMMENT '{comment}'");
        Relation { name, create, kind: RelationKind::Rows { columns, truncated_address, comment } }
    }

    /// Makes a table. What is inserted into it lies in a handful of files, and not in three for each column: each of them
    /// is synced before the insert is answered. What is merged has a file for each column, which is what questions read.
    pub(super) fn create_table(&self, name: &str, columns: &str, keys: &str) -> String {
        let compression = if self.options.compressed {
            "default_compression_codec = 'ZSTD(1)'"
        } else {
            "default_compression_codec = 'NONE', compress_marks = 0, compress_primary_key = 0"
        };
        format!(
            "CREATE TABLE IF NOT EXISTS {}.{name} (\n  {columns}\n)\nENGINE = MergeTree\n{keys}\n\
             SETTINGS non_replicated_deduplication_window = 10000,\n  \
             fsync_after_insert = 1, fsync_part_directory = 1, min_level_for_wide_part = 1,\n  \
             merge_with_ttl_timeout = {},\n  {compression}",
            self.database, self.options.ttl_timeout_seconds,
        )
    }
}

/// The columns of a table that keeps these fields.
pub(crate) fn columns(fields: FieldSet) -> Vec<&'static Column> {
    let kept = |column: &&Column| column.field.is_none_or(|field| fields.contains(field));
    COLUMNS.iter().filter(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_nobody_keeps_has_no_column() {
        let names: Vec<_> = columns(FieldSet::of(&[Field::Path])).iter().map(|c| c.name).collect();
        assert!(names.contains(&"path") && names.contains(&"expires_at"));
        assert!(!names.contains(&"address") && !names.contains(&"visitor"));
    }
}
