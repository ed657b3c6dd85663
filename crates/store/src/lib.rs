//! ClickHouse: tables from policies, rows from events, and the reading back that settles a doubt. The
//! only crate that links the `clickhouse` client.
//!
//! One purpose is one table. A row is made from an event and one of its grants alone; what the grant
//! does not cover stays empty. Analysts are given views, which hide what is overdue and every column
//! that could link the rows of one purpose to those of another.
//!
//! ```
//! use candor_policy::Registry;
//! use candor_store::Schema;
//!
//! let schema = Schema::of(&Registry::demo()?);
//! let statements: Vec<String> = schema.statements().collect();
//! assert!(statements.iter().any(|sql| sql.contains("TTL expires_at")));
//! # Ok::<(), candor_policy::Problems>(())
//! ```
#![forbid(unsafe_code)]

mod audit;
mod batch;
mod column;
mod config;
mod delivery;
mod error;
mod migrate;
mod native;
mod quarantine;
mod read;
mod recent;
mod row;
mod schema;
mod tls;
mod write;

pub use audit::{Confirmed, Progress, Verdict, VerdictKind};
pub use batch::{
    Batch, Bucket, Kept, KeptGrant, KeptGrants, Position, Purposes, Quarantined, Range, Refused,
};
pub use config::{Config, Password, TableOptions};
pub use delivery::Delivered;
pub use error::{Cause, Class, Refusal, StoreError};
pub use migrate::{Migration, Step};
pub use quarantine::{End, Held};
pub use recent::{IdHasher, Ids, Recent, Since};
pub use schema::Schema;
pub use tls::{Authorities, NoAuthority};
pub use write::{Attempt, InsertDeadline, Slice, Token};

/// A connection to ClickHouse.
#[derive(Clone)]
pub struct Store {
    client: clickhouse::Client,
    database: String,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("database", &self.database).finish_non_exhaustive()
    }
}

impl Store {
    /// A store at this place. Nothing is sent yet.
    pub fn new(config: &Config) -> Self {
        let client = match &config.authorities {
            None => clickhouse::Client::default(),
            Some(authorities) => authorities.client(),
        };
        let mut client = client.with_url(&config.url);
        if let Some(user) = &config.user {
            client = client.with_user(user);
        }
        if let Some(password) = &config.password {
            client = client.with_password(password.expose());
        }
        Self { client, database: config.database.clone() }
    }
}
