//! Brings a database to what the policies say. Idempotent: what is right already is left alone. What a
//! stricter policy no longer allows is taken out of rows; nothing else is ever dropped.

mod extra;
mod present;
mod roles;
mod stricter;
mod structure;

use std::fmt;

use crate::schema::{SCHEMA_VERSION, Schema};
use crate::{Store, StoreError};

use present::Present;
use stricter::Stricter;

/// What is still to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    steps: Vec<Step>,
}

/// One step, or a word about it. Shown, it is SQL: what is not a statement is a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Rows in which the next statement leaves less than there is, because a policy became stricter.
    Finding(String),
    /// What is left to a person.
    Remark(String),
    /// What is run.
    Statement(String),
}

// === impl Migration ===

impl Migration {
    /// Compares the database with the schema, and the rows in it with the policies.
    ///
    /// # Errors
    /// The database cannot be read, is newer than this program, or has a column that cannot be changed
    /// without a person.
    pub async fn plan(store: &Store, schema: &Schema) -> Result<Self, StoreError> {
        let present = Present::read(store, schema.database()).await?;
        if let Some(found) = store.schema_version(schema, &present).await?
            && found > SCHEMA_VERSION
        {
            return Err(StoreError::SchemaTooNew { found, known: SCHEMA_VERSION });
        }
        let stricter = Stricter::find(store, schema, &present).await?;
        let statements = structure::statements(schema, &present, &stricter.guards())?;
        let mut steps: Vec<_> = statements.into_iter().map(Step::Statement).collect();
        steps.extend(stricter.steps(schema));
        steps.extend(roles::steps(store, schema).await?);
        steps.extend(extra::remarks(schema, &present).into_iter().map(Step::Remark));
        Ok(Self { steps })
    }

    /// Everything that is to be done and said, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The statements, in order; none when the database is as it should be.
    pub fn statements(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match step {
            Step::Statement(sql) => Some(sql.as_str()),
            Step::Finding(_) | Step::Remark(_) => None,
        })
    }

    /// Runs the statements. One that changes rows has changed them all when it ends.
    ///
    /// # Errors
    /// The first one that fails; running again goes on from there.
    pub async fn apply(&self, store: &Store) -> Result<(), StoreError> {
        for statement in self.statements() {
            // The client takes `?` in a query for a placeholder.
            let query = store.client.query(&statement.replace('?', "??"));
            // There may be thousands of sites in it.
            let query = query.with_setting("max_query_size", QUERY_SIZE_MAX);
            query.execute().await.map_err(|error| StoreError::migrate(statement, &error))?;
        }
        Ok(())
    }
}

/// Bytes of a statement that the server is asked to read.
const QUERY_SIZE_MAX: &str = "67108864";

// === impl Step ===

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finding(text) | Self::Remark(text) => {
                text.lines().try_for_each(|line| writeln!(f, "-- {line}"))
            }
            Self::Statement(sql) => writeln!(f, "{sql};"),
        }
    }
}

// === impl Store ===

impl Store {
    async fn schema_version(
        &self,
        schema: &Schema,
        present: &Present,
    ) -> Result<Option<u32>, StoreError> {
        if !present.has("schema") {
            return Ok(None);
        }
        let sql = format!("SELECT max(version) FROM {}.schema", schema.database());
        let version = self.client.query(&sql).fetch_one::<u32>().await;
        version.map(Some).map_err(|error| StoreError::read(&error))
    }
}
