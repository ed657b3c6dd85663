//! Tables, columns and views: what is missing or otherwise.

use super::present::{self, Present};
use crate::StoreError;
use crate::column::Column;
use crate::schema::{Guards, Relation, RelationKind, SCHEMA_VERSION, Schema, TRUNCATED};

/// The statements that make what is missing and change what is otherwise.
pub(super) fn statements(
    schema: &Schema,
    present: &Present,
    guards: &Guards,
) -> Result<Vec<String>, StoreError> {
    let mut statements = Vec::new();
    if present.is_empty() {
        statements.push(schema.create_database());
    }
    let database = schema.database();
    for relation in schema.relations(guards) {
        compare(database, &relation, present, &mut statements)?;
    }
    if !statements.is_empty() {
        statements
            .push(format!("INSERT INTO {database}.schema (version) VALUES ({SCHEMA_VERSION})"));
    }
    Ok(statements)
}

fn compare(
    database: &str,
    wanted: &Relation,
    present: &Present,
    statements: &mut Vec<String>,
) -> Result<(), StoreError> {
    let Some(found) = present.relation(&wanted.name) else {
        statements.push(wanted.create.clone());
        return Ok(());
    };
    match &wanted.kind {
        RelationKind::Own { added } => {
            let missing = added.iter().filter(|(mark, _)| !found.create_table_query.contains(mark));
            statements.extend(
                missing
                    .map(|(_, change)| format!("ALTER TABLE {database}.{} {change}", wanted.name)),
            );
        }
        RelationKind::View => {
            if !is_same_view(wanted, found) {
                statements.push(wanted.create.clone());
            }
        }
        RelationKind::Rows { columns, truncated_address, comment } => {
            let table = format!("{database}.{}", wanted.name);
            for column in columns {
                let found = present.column_type(&wanted.name, column.name);
                statements.extend(compare_column(&table, column, found)?);
            }
            if !found.create_table_query.contains(" TTL expires_at SETTINGS") {
                statements.push(format!("ALTER TABLE {table} MODIFY TTL expires_at"));
            }
            if *truncated_address && !found.create_table_query.contains("address_is_truncated") {
                statements.push(format!("ALTER TABLE {table} ADD {TRUNCATED}"));
            }
            if found.comment != *comment {
                statements.push(format!("ALTER TABLE {table} MODIFY COMMENT '{comment}'"));
            }
        }
    }
    Ok(())
}

/// A view's text is told by the mark that it was made with.
fn is_same_view(wanted: &Relation, found: &present::Relation) -> bool {
    found.engine == "View" && wanted.create.ends_with(&format!("COMMENT '{}'", found.comment))
}

fn compare_column(
    table: &str,
    column: &Column,
    found: Option<&str>,
) -> Result<Option<String>, StoreError> {
    match found {
        None => Ok(Some(format!("ALTER TABLE {table} ADD COLUMN {}", column.definition(true)))),
        Some(found) if found == column.sql_type => Ok(None),
        Some(found) => Err(StoreError::ColumnDiffers {
            table: table.to_owned(),
            column: column.name.to_owned(),
            found: found.to_owned(),
            wanted: column.sql_type.to_owned(),
        }),
    }
}
