//! Runs one statement on one connection; blocking, so it has a thread of its own.
//!
//! Settings are given to the connection by `SET` before the statement. A connection serves one
//! request and is then closed, so no setting can reach another request; connecting costs a fifth of
//! a millisecond. Only a session's connection lives on, and its settings are put back.

mod output;
mod settings;

use std::sync::Arc;

use bytes::Bytes;

pub(crate) use self::output::{Outcome, Reply};

use self::output::{Output, Stop};
use crate::engine::Engine;
use crate::exception::{Exception, Kind};
use crate::ffi::{Connection, RowStream};
use crate::http::answer::Head;
use crate::http::format::Blocks;
use crate::http::parameters::Parameters;
use crate::limits::Limits;
use crate::session::{Lease, Sessions};
use crate::sql::statement::{Insert, Query};
use crate::work::Work;

/// One statement with all it needs.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) work: Work,
    pub(crate) parameters: Parameters,
    pub(crate) head: Head,
    /// The request may not write (GET).
    pub(crate) read_only: bool,
}

/// Runs the job and replies.
pub(crate) fn run(
    engine: &Engine,
    limits: &Limits,
    sessions: &Arc<Sessions>,
    job: &Job,
    reply: Reply,
) {
    let mut output = Output::new(job, engine.version(), limits, reply);
    let ended = Lease::take(engine, sessions, job.parameters.session.as_ref())
        .map_err(Stop::from)
        .and_then(|mut lease| on(&mut lease, job, &mut output));
    output.end(ended);
}

fn on(lease: &mut Lease, job: &Job, output: &mut Output<'_>) -> Result<(), Stop> {
    let is_session = lease.is_session();
    let connection = lease.connection()?;
    let restore = if is_session { settings::enter_session(connection, job)? } else { None };
    let ended = settings::prepare(connection, job, is_session).and_then(|()| match &job.work {
        Work::Insert { insert, data } => run_insert(connection, job, insert, data, output),
        Work::Query(query) => match blocks(job, query) {
            Some(blocks) => run_rows(connection, job, (query, blocks), output),
            None => run_query(connection, job, query, output),
        },
    });
    if let Some(restore) = restore {
        settings::command(connection, &restore)?;
    }
    ended
}

/// How the answer can stream: only a SELECT in a format whose blocks can be put together.
fn blocks(job: &Job, query: &Query) -> Option<Blocks> {
    let ends_otherwise = job.parameters.settings.iter().any(|(name, value)| {
        value != "0" && matches!(name.as_str(), "extremes" | "output_format_json_array_of_rows")
    });
    if query.streams && !ends_otherwise { Blocks::of(&job.head.format) } else { None }
}

fn run_insert(
    connection: &mut Connection,
    job: &Job,
    insert: &Insert,
    data: &Bytes,
    output: &mut Output<'_>,
) -> Result<(), Stop> {
    let format = insert.format.as_deref().unwrap_or("Values");
    let mut stream = connection
        .insert(&insert.head, format, &job.parameters.bindings)
        .map_err(|error| Exception::from_engine(&error))?;
    for chunk in data.chunks(INSERT_CHUNK_BYTES) {
        if !stream.append(chunk) {
            break;
        }
    }
    output.count(&stream.finish())
}

fn run_query(
    connection: &mut Connection,
    job: &Job,
    query: &Query,
    output: &mut Output<'_>,
) -> Result<(), Stop> {
    let result = connection.query(&query.text, &job.head.format, &job.parameters.bindings);
    output.count(&result)?;
    output.push(Bytes::from_owner(result))
}

fn run_rows(
    connection: &mut Connection,
    job: &Job,
    (query, blocks): (&Query, Blocks),
    output: &mut Output<'_>,
) -> Result<(), Stop> {
    let (format, bindings) = (&job.head.format, &job.parameters.bindings);
    let refused = match connection.stream(&query.text, format, bindings) {
        Ok(stream) => return fetch(stream, blocks, output),
        Err(refused) => refused,
    };
    // `WITH … INSERT` and its kind begin like a SELECT.
    if refused.contains(NO_STREAM) {
        return run_query(connection, job, query, output);
    }
    Err(Exception::from_engine(&refused).into())
}

fn fetch(mut stream: RowStream<'_>, blocks: Blocks, output: &mut Output<'_>) -> Result<(), Stop> {
    let mut is_first = true;
    loop {
        let block = stream.fetch();
        output.count(&block)?;
        if block.as_ref().is_empty() {
            return Ok(());
        }
        let data = Bytes::from_owner(block);
        let part = if is_first { Some(0..data.len()) } else { blocks.without_head(&data) };
        let Some(part) = part else {
            let message = "The engine sent a block without its head";
            return Err(Exception::new(Kind::UnknownException, message).into());
        };
        output.push(data.slice(part))?;
        is_first = false;
    }
}

const INSERT_CHUNK_BYTES: usize = 1 << 20;
const NO_STREAM: &str = "Streaming query is not supported";
