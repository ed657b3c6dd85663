//! One request: checks it, reads it, has it run, answers it.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{Semaphore, oneshot};

use super::answer::{self, Answer, Head, Summary};
use super::encoding::Coding;
use super::parameters::Parameters;
use super::{body, format, front, multipart};
use crate::engine::Engine;
use crate::exception::{Exception, Kind};
use crate::limits::Limits;
use crate::run::{self, Job, Outcome};
use crate::session::Sessions;
use crate::turns::Turns;
use crate::work::Work;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) limits: Limits,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) turns: Turns,
    bodies: Arc<Semaphore>,
}

// === impl Shared ===

impl Shared {
    pub(crate) fn new(engine: Engine, limits: Limits) -> Self {
        Self {
            engine,
            sessions: Arc::new(Sessions::new(limits.sessions)),
            turns: Turns::new(limits.running, limits.waiting),
            bodies: Arc::new(Semaphore::new(limits.bodies_bytes)),
            limits,
        }
    }
}

/// Answers one request.
///
/// # Errors
///
/// Never: every failure is an answer.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    let (parts, incoming) = request.into_parts();
    let mut head = Head {
        query_id: random_id(),
        format: format::DEFAULT.to_owned(),
        coding: Coding::Identity,
        exception_tag: random_tag(),
    };
    let response = match respond(&shared, &parts, incoming, &mut head).await {
        Ok(response) => response,
        Err(exception) => {
            tracing::debug!(code = exception.code, query_id = head.query_id, "refused");
            let version = shared.engine.version();
            answer::failed(&head, Summary::default(), &exception, version)
        }
    };
    Ok(response)
}

async fn respond(
    shared: &Arc<Shared>,
    parts: &Parts,
    incoming: Incoming,
    head: &mut Head,
) -> Result<Response<Answer>, Exception> {
    front::check(&parts.uri, &parts.headers)?;
    if let Some(response) = fixed_answer(parts) {
        return Ok(response);
    }
    let mut parameters = Parameters::read(parts.uri.query().unwrap_or_default(), &parts.headers)?;
    if let Some(query_id) = parameters.query_id.take() {
        head.query_id = query_id;
    }
    let body = body::collect(incoming, &shared.limits, &shared.bodies).await?;
    let body = body.decode(&parts.headers, &parameters, shared.limits.body_bytes).await?;
    let mut data = body.data.clone();
    if let Some(boundary) = multipart::boundary(&parts.headers) {
        multipart::take_parts(&data, boundary, &mut parameters).await?;
        data = Bytes::new();
    }
    parameters.authenticate(&parts.headers)?;
    parameters.finish_session()?;
    let read_only = is_read(&parts.method);
    if parameters.query.is_empty() && data.is_empty() && read_only {
        return Ok(answer::text(StatusCode::OK, "Ok.\n"));
    }
    let work = Work::read(&parameters.query, data)?;
    head.coding = Coding::choose(&parameters, &parts.headers);
    if let Some(format) = work.answer_format().or(parameters.default_format.as_deref()) {
        format.clone_into(&mut head.format);
    }
    parameters.check_protocol(&head.format)?;
    if let Some(format) = work.data_format() {
        parameters.check_protocol(format)?;
    }
    execute(shared, Job { work, parameters, head: head.clone(), read_only }, body).await
}

/// Answers that need no statement.
fn fixed_answer(parts: &Parts) -> Option<Response<Answer>> {
    let method = &parts.method;
    match parts.uri.path() {
        "/" if is_read(method) || matches!(*method, Method::POST | Method::PUT) => None,
        "/" => Some(answer::text(
            StatusCode::METHOD_NOT_ALLOWED,
            "This server takes GET, HEAD, POST and PUT.\n",
        )),
        "/ping" | "/replicas_status" => Some(answer::text(StatusCode::OK, "Ok.\n")),
        _ => Some(answer::text(
            StatusCode::NOT_FOUND,
            "There is no handle here. Use / for queries or /ping for health checks.\n",
        )),
    }
}

async fn execute(
    shared: &Arc<Shared>,
    job: Job,
    body: body::Held,
) -> Result<Response<Answer>, Exception> {
    let turn = shared.turns.take().await?;
    let (reply, replied) = oneshot::channel();
    let head = job.head.clone();
    let worker = Arc::clone(shared);
    tokio::task::spawn_blocking(move || {
        run::run(&worker.engine, &worker.limits, &worker.sessions, &job, reply);
        drop(job);
        drop(body);
        drop(turn);
    });
    let (outcome, summary) = replied.await.map_err(|_| {
        Exception::new(Kind::UnknownException, "The statement ended without an answer")
    })?;
    Ok(match outcome {
        Outcome::Done(data) => answer::good(&head, summary, Answer::Whole(data)),
        Outcome::Failed(exception) => {
            answer::failed(&head, summary, &exception, shared.engine.version())
        }
        Outcome::Streaming(pieces) => {
            answer::good(&head, summary, Answer::Pieces { pieces, failing: false })
        }
    })
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// A random UUID.
fn random_id() -> String {
    let high = getrandom::u64().unwrap_or_default();
    let low = getrandom::u64().unwrap_or_default();
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        (low >> 48) & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// Sixteen random lower-case letters, as the server makes them.
fn random_tag() -> String {
    let number = getrandom::u64().unwrap_or_default();
    (0..16).map(|at| char::from(b'a' + ((number >> (at * 4)) & 0xf) as u8)).collect()
}
