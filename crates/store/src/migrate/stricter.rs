//! A stricter policy holds for rows that are stored already.
//!
//! Nothing remembers what policies said before: the database is asked which rows are looser than the
//! policies in force, in one question per table, and those are changed. So it may stop anywhere and be
//! run again, and what is right is left alone. Only rows of sites that some policy names are looked at;
//! of others nobody says anything any more, and they die when they were promised to.
//!
//! No statement here can make a row live longer, or tell more: `expires_at` is set to the lesser of two,
//! columns are emptied, addresses cut, rows deleted. A longer period holds for rows to come.

mod excess;
mod question;
mod words;

use candor_event::Purpose;

use super::Step;
use super::present::Present;
use crate::schema::{Guards, Schema};
use crate::{Store, StoreError};

use excess::Excess;
use question::Question;

/// Tables with rows that are looser than the policies.
#[derive(Debug)]
pub(super) struct Stricter {
    tables: Vec<Table>,
}

#[derive(Debug)]
struct Table {
    purpose: Purpose,
    findings: Vec<Finding>,
}

/// In which rows there is too much, and how many they are.
#[derive(Debug)]
struct Finding {
    excess: Excess,
    /// In order.
    sites: Vec<String>,
    /// Rows; of query parameters, values.
    count: u64,
    /// The most days that any of them was to be kept.
    days_max: u32,
    /// The kinds of these rows, in order.
    kinds: Vec<String>,
    /// Of query parameters: each site's that are not kept, in order.
    parameters: Vec<(String, String)>,
}

// === impl Stricter ===

impl Stricter {
    /// Asks the database.
    pub(super) async fn find(
        store: &Store,
        schema: &Schema,
        present: &Present,
    ) -> Result<Self, StoreError> {
        let mut tables = Vec::new();
        for (name, columns) in present.rows_tables() {
            let Ok(purpose) = Purpose::parse(name) else { continue };
            let question = Question::new(schema, &purpose, &columns);
            let findings = question.ask(store).await?;
            if !findings.is_empty() {
                tables.push(Table { purpose, findings });
            }
        }
        Ok(Self { tables })
    }

    /// What views must hide until the rows are changed.
    pub(super) fn guards(&self) -> Guards {
        let guard = |table: &Table| {
            let hidden = table.findings.iter().filter_map(|it| it.excess.hidden(&it.sites));
            hidden.fold(String::new(), |guard, hidden| guard + " AND NOT (" + &hidden + ")")
        };
        let guards = self.tables.iter().map(|table| (table.purpose.clone(), guard(table)));
        guards.filter(|(_, guard)| !guard.is_empty()).collect()
    }

    /// The statements that change rows, each after the words for it, and then those that let views show
    /// everything again.
    pub(super) fn steps(&self, schema: &Schema) -> Vec<Step> {
        let guards = self.guards();
        let mut steps = Vec::new();
        for table in &self.tables {
            steps.extend(table.findings.iter().map(|it| Step::Finding(it.words(&table.purpose))));
            // Whoever audits must not take for lost what is deleted here: neither what is stored already,
            // nor what comes while it goes on.
            let changed = Step::Statement(table.changed(schema.database()));
            steps.push(changed.clone());
            steps.push(Step::Statement(table.statement(schema.database())));
            steps.push(changed);
            if guards.contains_key(&table.purpose) && schema.has(&table.purpose) {
                let views = schema.views(&table.purpose, "");
                steps.extend(views.into_iter().map(|view| Step::Statement(view.create)));
            }
        }
        steps
    }
}

// === impl Table ===

impl Table {
    /// Says that rows stored until now may be gone.
    fn changed(&self, database: &str) -> String {
        format!("INSERT INTO {database}.batches__changed (table) VALUES ('{}_rows')", self.purpose)
    }

    /// All changes of a table in one statement, so that its parts are rewritten once.
    fn statement(&self, database: &str) -> String {
        let commands: Vec<_> =
            self.findings.iter().map(|it| it.excess.command(&it.sites, &it.parameters)).collect();
        format!(
            "ALTER TABLE {database}.{}_rows\n  {}\nSETTINGS mutations_sync = 2",
            self.purpose,
            commands.join(",\n  ")
        )
    }
}

#[cfg(test)]
mod tests;
