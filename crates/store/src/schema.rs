//! What the policies ask the database for: tables, views and roles.

mod own;
mod roles;
mod rows;
mod sessions;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use candor_event::{FieldSet, Purpose};
use candor_policy::{Policy, Registry};

use crate::column::Column;
use crate::config::TableOptions;

pub(crate) use roles::Role;
pub(crate) use rows::{TRUNCATED, columns};

/// What the database should have.
#[derive(Clone, Debug)]
pub struct Schema {
    database: String,
    options: TableOptions,
    policies: Vec<Arc<Policy>>,
    /// Every purpose, with the fields that some policy keeps for it.
    purposes: BTreeMap<Purpose, FieldSet>,
}

/// A table or view, and what creates it.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) name: String,
    pub(crate) create: String,
    pub(crate) kind: RelationKind,
}

#[derive(Clone, Debug)]
pub(crate) enum RelationKind {
    /// A purpose's rows; the columns, constraints and comment that it must have.
    Rows { columns: Vec<&'static Column>, truncated_address: bool, comment: String },
    /// A table that no policy decides; what was added to it, and how it is told that it is there.
    Own { added: &'static [(&'static str, &'static str)] },
    /// A view: made anew when its text changes.
    View,
}

/// What views must hide besides what is overdue, by purpose, while rows are still being changed.
pub(crate) type Guards = BTreeMap<Purpose, String>;

/// The version of everything below. Raise it with every change of a table that older readers or
/// writers would misunderstand.
pub(crate) const SCHEMA_VERSION: u32 = 1;

// === impl Schema ===

impl Schema {
    /// What these policies ask for, in the database `candor`.
    pub fn of(registry: &Registry) -> Self {
        Self::in_database(registry, "candor", TableOptions::default())
    }

    /// What these policies ask for.
    pub fn in_database(registry: &Registry, database: &str, options: TableOptions) -> Self {
        Self {
            database: database.to_owned(),
            options,
            policies: registry.policies().to_vec(),
            purposes: registry.purposes(),
        }
    }

    /// What one controller's policy asks for, as if it were alone in the database `candor`.
    pub fn of_policy(policy: &Arc<Policy>) -> Self {
        let fields = |rule: &candor_policy::PurposeRule| (rule.name().clone(), rule.fields());
        Self {
            database: "candor".to_owned(),
            options: TableOptions::default(),
            policies: vec![Arc::clone(policy)],
            purposes: policy.purposes().iter().map(fields).collect(),
        }
    }

    /// The statements that create everything in an empty server, in order: the database, tables, views,
    /// roles and what these may read.
    pub fn statements(&self) -> impl Iterator<Item = String> {
        let relations = self.relations(&Guards::new()).into_iter().map(|relation| relation.create);
        let roles = self.roles().into_iter().flat_map(|role| role.statements());
        std::iter::once(self.create_database()).chain(relations).chain(roles)
    }

    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Whether any policy has the purpose.
    pub(crate) fn has(&self, purpose: &Purpose) -> bool {
        self.purposes.contains_key(purpose)
    }

    pub(crate) fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    pub(crate) fn create_database(&self) -> String {
        format!("CREATE DATABASE IF NOT EXISTS {}", self.database)
    }

    /// All tables and views, each after those that it reads.
    pub(crate) fn relations(&self, guards: &Guards) -> Vec<Relation> {
        let mut relations = self.own_tables();
        relations.extend(self.purposes.iter().map(|(name, fields)| self.rows_table(name, *fields)));
        for purpose in self.purposes.keys() {
            let guard = guards.get(purpose).map_or("", String::as_str);
            relations.extend(self.views(purpose, guard));
            relations.extend(self.sessions_view(purpose));
        }
        relations.extend(self.policies.iter().flat_map(|policy| self.team_views(policy)));
        relations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo() -> Vec<Relation> {
        Schema::of(&Registry::demo().unwrap()).relations(&Guards::new())
    }

    #[test]
    fn views_show_nothing_that_links_rows() {
        let hidden = ["event_id", "log_offset", "log_index", "log_partition", "stored_at", " log,"];
        for view in demo().iter().filter(|r| matches!(r.kind, RelationKind::View)) {
            assert!(hidden.iter().all(|column| !view.create.contains(column)), "{}", view.create);
        }
    }

    #[test]
    fn every_rows_table_explains_itself_and_has_a_ttl_a_window_and_the_address_check() {
        for table in demo().iter().filter(|r| matches!(r.kind, RelationKind::Rows { .. })) {
            for clause in [
                "\nTTL expires_at",
                "non_replicated_deduplication_window",
                "address_is_truncated",
                "\nCOMMENT 'The rows of the purpose statistics",
            ] {
                assert!(table.create.contains(clause), "{}", table.create);
            }
        }
    }

    #[test]
    fn one_policy_alone_asks_for_what_it_asks_for_among_others() {
        let registry = Registry::demo().unwrap();
        let alone = Schema::of_policy(&registry.policies()[0]);
        assert!(alone.statements().eq(Schema::of(&registry).statements()));
    }
}
