//! What goes wrong between us and ClickHouse, and whether trying again helps.
//!
//! ClickHouse's messages quote values: a violated constraint prints the row. Of an answer to a
//! statement that carried rows, the number and the name of the error are kept and nothing else.

use std::fmt;

use clickhouse::error::Error as ClientError;

/// A statement that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A column is not what it must be.
    #[error("column {column} of {table} is {found}, but must be {wanted}: change it by hand")]
    ColumnDiffers {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The type that it must have.
        wanted: String,
    },
    /// An insert failed, or is not known to have succeeded.
    #[error("cannot insert into {table}: {cause}")]
    Insert {
        /// The table.
        table: String,
        /// Why.
        cause: Cause,
    },
    /// A change of the schema failed. The statement carries no rows, so that the server's own words
    /// can be shown.
    #[error("cannot change the schema: {message}, with: {statement}")]
    Migrate {
        /// The statement.
        statement: String,
        /// What the server says.
        message: String,
        /// Why.
        cause: Cause,
    },
    /// A statement that changes nothing failed.
    #[error("cannot read from ClickHouse: {0}")]
    Read(Cause),
    /// The database was migrated by a later version.
    #[error(
        "the database has schema version {found}, and this candor knows {known}: \
         use a candor at least as new as the one that migrated it"
    )]
    SchemaTooNew {
        /// What the database has.
        found: u32,
        /// What we know.
        known: u32,
    },
}

/// Why a statement did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The client could not make or read the message.
    Client,
    /// The connection broke, or was never made.
    Network {
        /// Whether it was refused: nothing was sent.
        refused: bool,
    },
    /// ClickHouse's own error.
    Server {
        /// Its number (`ErrorCodes.cpp`).
        code: u32,
        /// Its name.
        name: String,
    },
    /// No answer within the deadline.
    TimedOut,
    /// Rows of more months than one insert may have. ClickHouse's number for it is also that of too many
    /// parts, which passes.
    TooManyMonths,
    /// Its certificate is not believed: nothing was sent.
    Untrusted,
}

/// What to do about a statement that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Some rows are refused; the others could be stored without them.
    Poison(Refusal),
    /// Somebody must change the schema, the rights or the configuration first.
    Standing,
    /// It comes and goes: try again.
    Transient,
}

/// Why ClickHouse refuses rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// A constraint of the table is violated.
    Constraint,
    /// A value cannot be read as its column's type.
    Unreadable,
}

// === impl Refusal ===

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Constraint, Self::Unreadable];

    /// The word for it in metrics and in the quarantine.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Constraint => "constraint",
            Self::Unreadable => "unreadable",
        }
    }
}

// === impl StoreError ===

impl StoreError {
    pub(crate) fn insert(table: &str, error: &ClientError) -> Self {
        Self::Insert { table: table.to_owned(), cause: Cause::of(error) }
    }

    pub(crate) fn read(error: &ClientError) -> Self {
        Self::Read(Cause::of(error))
    }

    pub(crate) fn migrate(statement: &str, error: &ClientError) -> Self {
        Self::Migrate {
            statement: statement.to_owned(),
            message: error.to_string(),
            cause: Cause::of(error),
        }
    }

    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Insert { cause, .. } => cause.class(),
            _ if self.is_transient() => Class::Transient,
            _ => Class::Standing,
        }
    }

    /// Whether trying again helps by itself.
    pub fn is_transient(&self) -> bool {
        self.cause().is_some_and(|cause| cause.class() == Class::Transient)
    }

    /// Whether the statement surely is not running any more, so that nothing of it will still appear.
    pub fn is_over(&self) -> bool {
        match self.cause() {
            // An answer without a number comes from something in between, which may have lost patience;
            // 319 is ClickHouse's own word for "nobody knows".
            Some(
                Cause::Client
                | Cause::Network { refused: false }
                | Cause::Server { code: 0 | 319, .. }
                | Cause::TimedOut,
            ) => false,
            Some(
                Cause::Server { .. }
                | Cause::Network { refused: true }
                | Cause::TooManyMonths
                | Cause::Untrusted,
            )
            | None => true,
        }
    }

    fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Insert { cause, .. } | Self::Migrate { cause, .. } | Self::Read(cause) => {
                Some(cause)
            }
            Self::ColumnDiffers { .. } | Self::SchemaTooNew { .. } => None,
        }
    }
}

// === impl Cause ===

impl Cause {
    fn of(error: &ClientError) -> Self {
        match error {
            ClientError::BadResponse(text) => server(text),
            ClientError::Network(source) => network(source.as_ref()),
            ClientError::TimedOut => Self::TimedOut,
            _ => Self::Client,
        }
    }

    /// Network, timeouts, too many parts, read-only tables, disk, memory, quorum and coordination come
    /// and go; rows that are violated or cannot be read are at fault themselves; everything else needs a
    /// person.
    fn class(&self) -> Class {
        const COME_AND_GO: [u32; 18] = [
            0, 159, 173, 202, 203, 209, 210, 236, 241, 242, 243, 252, 279, 285, 290, 319, 394, 999,
        ];
        match self {
            Self::Network { .. } | Self::TimedOut | Self::Untrusted => Class::Transient,
            Self::Server { code: 469, .. } => Class::Poison(Refusal::Constraint),
            Self::Server { code: 6 | 27 | 117, .. } => Class::Poison(Refusal::Unreadable),
            Self::Server { code, .. } if COME_AND_GO.contains(code) => Class::Transient,
            Self::Client | Self::Server { .. } | Self::TooManyMonths => Class::Standing,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("the client cannot make or read the message"),
            Self::Network { refused: true } => {
                f.write_str("the connection is refused: is ClickHouse running at this address?")
            }
            Self::Network { refused: false } => f.write_str("the connection broke"),
            Self::Server { code, name } => write!(f, "ClickHouse says {name} (code {code})"),
            Self::TimedOut => f.write_str("no answer within the deadline"),
            Self::TooManyMonths => f.write_str(
                "ClickHouse takes rows of so many months in one insert only with a higher \
                 max_partitions_per_insert_block",
            ),
            Self::Untrusted => f.write_str(
                "the certificate of ClickHouse is not trusted: check `clickhouse.ca_file`, and that the \
                 certificate names the host",
            ),
        }
    }
}

/// The number and name of `Code: 60. DB::Exception: … (UNKNOWN_TABLE) (version …)`. An answer without a
/// number comes from something in between, and has 0.
fn server(text: &str) -> Cause {
    let code = text
        .split_once("Code: ")
        .and_then(|(_, rest)| rest.split('.').next()?.parse().ok())
        .unwrap_or(0);
    if code == 252 && text.contains("Too many partitions for single INSERT block") {
        return Cause::TooManyMonths;
    }
    let is_name = |word: &&str| {
        !word.is_empty()
            && word.bytes().all(|c| c.is_ascii_uppercase() || c == b'_' || c.is_ascii_digit())
    };
    let before_version = text.rsplit_once(" (version").map_or(text, |(before, _)| before);
    let name = before_version.rsplit_once('(').and_then(|(_, name)| name.split(')').next());
    Cause::Server { code, name: name.filter(is_name).unwrap_or("an error").to_owned() }
}

fn network(error: &(dyn std::error::Error + 'static)) -> Cause {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
            return Cause::Untrusted;
        }
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            return Cause::Network { refused: true };
        }
        // What it was made of is not what it calls its source.
        let inner = io.and_then(std::io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    Cause::Network { refused: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(text: &str) -> StoreError {
        StoreError::insert("t", &ClientError::BadResponse(text.to_owned()))
    }

    #[test]
    fn codes_decide_whether_to_try_again() {
        let cases = [
            ("Code: 252. DB::Exception: Too many parts (TOO_MANY_PARTS) (version 26.7)", true),
            ("Code: 241. DB::Exception: Memory limit", true),
            ("Code: 60. DB::Exception: Unknown table", false),
            ("Code: 469. DB::Exception: Constraint", false),
            (
                "Code: 252. DB::Exception: Too many partitions for single INSERT block (more than 200)",
                false,
            ),
            ("Code: 516. DB::Exception: Authentication failed", false),
            ("502 Bad Gateway", true),
        ];
        for (text, transient) in cases {
            assert_eq!(insert(text).is_transient(), transient, "{text}");
        }
    }

    #[test]
    fn rows_are_at_fault_only_where_they_are() {
        let constraint = "Code: 469. DB::Exception: Constraint `c`";
        assert_eq!(insert(constraint).class(), Class::Poison(Refusal::Constraint));
        let parse = "Code: 27. DB::Exception: Cannot parse input";
        assert_eq!(insert(parse).class(), Class::Poison(Refusal::Unreadable));
        for standing in
            ["Code: 60. DB::Exception: Unknown table", "Code: 497. DB::Exception: Access"]
        {
            assert_eq!(insert(standing).class(), Class::Standing);
        }
        // A question has no rows.
        let read = StoreError::read(&ClientError::BadResponse(constraint.to_owned()));
        assert_eq!(read.class(), Class::Standing);
    }

    #[test]
    fn what_may_still_be_running_is_not_over() {
        assert!(insert("Code: 241. DB::Exception: Memory limit").is_over());
        assert!(!insert("504 Gateway Time-out").is_over());
        assert!(!insert("Code: 319. DB::Exception: Unknown status").is_over());
        assert!(!StoreError::Read(Cause::TimedOut).is_over());
    }

    #[test]
    fn values_in_an_answer_are_not_repeated() {
        let text = "Code: 469. DB::Exception: Constraint `c` for table t is violated at row 1. Column \
                    values: address = '::ffff:192.0.2.77'. (VIOLATED_CONSTRAINT) (version 26.7.2.1)";
        let error = insert(text);
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("VIOLATED_CONSTRAINT") && shown.contains("469"), "{shown}");
        assert!(!shown.contains("192.0.2"), "{shown}");
    }
}
