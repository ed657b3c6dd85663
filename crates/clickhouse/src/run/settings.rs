//! Gives a connection the settings of one statement, and takes them from a session again.

use super::Job;
use super::output::Stop;
use crate::exception::{Exception, Kind};
use crate::ffi::Connection;
use crate::sql::{quote, quote_identifier};
use crate::work::Work;

/// Reads what a session's own values are of the settings that the statement changes; the result is
/// the statement that puts them back.
///
/// A read-only flag could not be taken back, so for a session the engine's parser decides whether a
/// GET may run its statement.
///
/// # Errors
///
/// When the statement would write and may not, or the engine refuses the question.
pub(super) fn enter_session(
    connection: &mut Connection,
    job: &Job,
) -> Result<Option<String>, Stop> {
    let may_run = !job.read_only
        || match &job.work {
            Work::Insert { .. } => false,
            Work::Query(query) => connection.is_read_only(&query.text),
        };
    if !may_run {
        let message = "Cannot execute query in readonly mode. For queries over HTTP, method GET \
                       implies readonly. You should use method POST for modifying queries";
        return Err(Exception::new(Kind::Readonly, message).into());
    }
    let names: Vec<_> = job.parameters.settings.iter().map(|(name, _)| quote(name)).collect();
    if names.is_empty() {
        return Ok(None);
    }
    let names = names.join(", ");
    let sql = format!("SELECT name, value FROM system.settings WHERE name IN ({names})");
    let result = connection.query(&sql, "JSONCompactEachRow", &[]);
    if let Some(error) = result.error() {
        return Err(Exception::from_engine(&error).into());
    }
    let values: Vec<_> = serde_json::Deserializer::from_slice(result.as_ref())
        .into_iter::<(String, String)>()
        .filter_map(Result::ok)
        .collect();
    Ok(set_statement(&values))
}

/// Sets database and settings; those of a GET end with one that forbids to write.
///
/// # Errors
///
/// When there is no such database or setting, or the value does not fit.
pub(super) fn prepare(
    connection: &mut Connection,
    job: &Job,
    is_session: bool,
) -> Result<(), Stop> {
    if let Some(database) = &job.parameters.database {
        command(connection, &format!("USE {}", quote_identifier(database)))?;
    }
    let mut settings = job.parameters.settings.clone();
    let is_limited = settings.iter().any(|(name, value)| name == "readonly" && value != "0");
    if is_session {
        settings.retain(|(name, _)| name != "readonly");
    } else if job.read_only && !is_limited {
        settings.retain(|(name, _)| name != "readonly");
        settings.push(("readonly".to_owned(), "2".to_owned()));
    }
    match set_statement(&settings) {
        Some(set) => command(connection, &set),
        None => Ok(()),
    }
}

/// Runs a statement of the server's own.
///
/// # Errors
///
/// The engine's refusal.
pub(super) fn command(connection: &mut Connection, sql: &str) -> Result<(), Stop> {
    match connection.query(sql, "Null", &[]).error() {
        Some(error) => Err(Exception::from_engine(&error).into()),
        None => Ok(()),
    }
}

/// Names were checked when the request was read; values are quoted, and the engine converts them.
fn set_statement(settings: &[(String, String)]) -> Option<String> {
    let pairs: Vec<_> =
        settings.iter().map(|(name, value)| format!("{name} = {}", quote(value))).collect();
    (!pairs.is_empty()).then(|| format!("SET {}", pairs.join(", ")))
}
