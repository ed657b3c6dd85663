//! The columns of a view of sessions: how events make them, and what they mean to whoever reads them.

use candor_event::{Field, FieldSet};

use super::columns_of;

/// One column of a view of sessions.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) sql_type: &'static str,
    /// How the events of a session make it.
    pub(super) sql: String,
    pub(super) comment: String,
}

/// What the first event says of the session, in the order of the columns.
pub(super) const FIRST: [Field; 16] = [
    Field::ReferrerHost,
    Field::ReferrerPath,
    Field::Campaign,
    Field::Source,
    Field::Channel,
    Field::Language,
    Field::Screen,
    Field::Browser,
    Field::BrowserVersion,
    Field::Os,
    Field::OsVersion,
    Field::Device,
    Field::Country,
    Field::Region,
    Field::City,
    Field::Network,
];

/// The columns of the sessions of a purpose that keeps these fields.
pub(super) fn session_columns(fields: FieldSet) -> Vec<Column> {
    let mut all = always();
    if fields.contains(Field::Path) {
        let entry = "argMinIf(path, received_at, kind = 'pageview')";
        let exit = "argMaxIf(path, received_at, kind = 'pageview')";
        all.push(column(
            "entry_path",
            "String",
            entry,
            "The path of the first page; empty without any.",
        ));
        all.push(column(
            "exit_path",
            "String",
            exit,
            "The path of the last page; empty without any.",
        ));
    }
    if fields.contains(Field::Dwell) {
        let told = "For how long pages were seen, milliseconds, all told.";
        all.push(column("dwell_ms", "UInt64", "sum(dwell_ms)", told));
    }
    let first =
        columns_of(fields).into_iter().filter(|c| c.field.is_some_and(|f| FIRST.contains(&f)));
    all.extend(first.map(|of_rows| {
        // What an aggregate function gives back of such a text is a plain one.
        let is_text = of_rows.sql_type.starts_with("LowCardinality");
        let sql_type = if is_text { "String" } else { of_rows.sql_type };
        let comment = format!("Of the first event. {}", of_rows.comment);
        column(of_rows.name, sql_type, &format!("argMin({}, rank)", of_rows.name), &comment)
    }));
    all
}

/// Those of every session.
fn always() -> Vec<Column> {
    vec![
        column("site", "LowCardinality(String)", "site", "The site, as its policy names it."),
        column(
            "day",
            "Date",
            "day",
            "The day, UTC, on which the session began. A condition on it is what limits how much is read.",
        ),
        column(
            "visitor",
            "UUID",
            "argMin(visitor, rank)",
            "The pseudonym of the session's first event.",
        ),
        column(
            "began_at",
            "DateTime('UTC')",
            "min(received_at)",
            "When the first event came, UTC.",
        ),
        column(
            "ended_at",
            "DateTime('UTC')",
            "max(received_at)",
            "When the last event came, UTC: half an hour without any ended the session. One that goes \
             over midnight is followed until 06:00, and those over a rotation of keys are whole for a day \
             and two sessions afterwards.",
        ),
        column(
            "duration_s",
            "UInt32",
            "greatest(toUInt32(max(received_at) - min(received_at)), toUInt32(sum(seen_s)))",
            "Seconds from the first to the last event, and no less than pages were seen, where that is \
             kept. Without it, the time on the last page is missing.",
        ),
        column("pages", "UInt64", "countIf(kind = 'pageview')", "How many pages were viewed."),
        column("events", "UInt64", "count()", "How many events there were, page views among them."),
        column(
            "is_bounce",
            "UInt8",
            "countIf(kind != 'engagement') = 1",
            "1 when nothing was done but to look at one page; avg() is the bounce rate.",
        ),
    ]
}

fn column(name: &'static str, sql_type: &'static str, sql: &str, comment: &str) -> Column {
    Column { name, sql_type, sql: sql.to_owned(), comment: comment.to_owned() }
}

/// The columns with their types and comments, as a view declares them.
pub(super) fn declared(columns: &[Column]) -> String {
    let declare = |Column { name, sql_type, comment, .. }: &Column| {
        format!("{name} {sql_type} COMMENT '{}'", comment.replace('\'', "''"))
    };
    format!(" (\n  {}\n)", columns.iter().map(declare).collect::<Vec<_>>().join(",\n  "))
}
