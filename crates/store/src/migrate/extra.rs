//! What the database has and no policy asks for. It is told and left alone: whoever made it may need
//! it, and rows die at the time that was promised for them.

use std::collections::HashMap;

use super::present::{Present, Relation};
use crate::schema::{Guards, RelationKind, Schema};

/// What is there besides, a sentence each.
pub(super) fn remarks(schema: &Schema, present: &Present) -> Vec<String> {
    let relations = schema.relations(&Guards::new());
    let wanted: HashMap<_, _> = relations.iter().map(|r| (r.name.as_str(), &r.kind)).collect();
    let mut remarks = Vec::new();
    for found in present.relations() {
        match wanted.get(found.name.as_str()) {
            None => remarks.push(relation(schema.database(), found)),
            Some(RelationKind::Rows { columns, .. }) => {
                let unknown = present
                    .columns(&found.name)
                    .map(|(name, _)| name)
                    .filter(|name| columns.iter().all(|column| column.name != *name));
                remarks.extend(unknown.map(|column| {
                    format!("no policy asks for the column {column} of {}", found.name)
                }));
            }
            Some(RelationKind::Own { .. } | RelationKind::View) => {}
        }
    }
    remarks
}

fn relation(database: &str, found: &Relation) -> String {
    let what = if found.engine == "View" { "view" } else { "table" };
    format!("no policy asks for the {what} {database}.{}: it is left as it is", found.name)
}
