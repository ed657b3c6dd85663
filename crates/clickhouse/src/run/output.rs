//! The answer of a statement on its way out: held while it is small, then streamed.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::Job;
use crate::exception::{Exception, Kind};
use crate::ffi::{Counts, QueryResult};
use crate::http::answer::{self, Head, Piece, Summary};
use crate::http::encoding::Encoder;
use crate::limits::Limits;

/// How a statement ended, or that its answer has begun.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done(Bytes),
    Failed(Exception),
    Streaming(mpsc::Receiver<Piece>),
}

/// Where the outcome goes.
pub(crate) type Reply = oneshot::Sender<(Outcome, Summary)>;

/// Why a statement ended early.
pub(super) enum Stop {
    Exception(Exception),
    /// The client is gone, or takes nothing any more.
    Gone,
}

/// Collects, encodes and sends an answer.
pub(super) struct Output<'a> {
    head: &'a Head,
    version: &'a str,
    hold_bytes: usize,
    patience: Duration,
    reply: Option<Reply>,
    pieces: Option<mpsc::Sender<Piece>>,
    encoder: Option<Encoder>,
    held: Vec<Bytes>,
    held_bytes: usize,
    counts: Counts,
    started: Instant,
}

// === impl Output ===

impl<'a> Output<'a> {
    pub(super) fn new(job: &'a Job, version: &'a str, limits: &Limits, reply: Reply) -> Self {
        let parameters = &job.parameters;
        let hold_bytes = if parameters.wait_end_of_query {
            limits.held_answer_bytes
        } else {
            parameters.buffer_bytes.unwrap_or(HOLD_BYTES).min(limits.held_answer_bytes)
        };
        Self {
            head: &job.head,
            version,
            hold_bytes,
            patience: limits.answer_idle,
            reply: Some(reply),
            pieces: None,
            encoder: None,
            held: Vec::new(),
            held_bytes: 0,
            counts: Counts::default(),
            started: Instant::now(),
        }
    }

    /// Counts a result, or stops at its error.
    ///
    /// # Errors
    ///
    /// The engine's error.
    pub(super) fn count(&mut self, result: &QueryResult) -> Result<(), Stop> {
        if let Some(error) = result.error() {
            return Err(Exception::from_engine(&error).into());
        }
        self.counts.add(result.counts());
        Ok(())
    }

    /// Holds a part of the answer, or sends it once too much is held.
    ///
    /// # Errors
    ///
    /// When the part cannot be encoded, or the client is gone.
    pub(super) fn push(&mut self, data: Bytes) -> Result<(), Stop> {
        if data.is_empty() {
            return Ok(());
        }
        let data = self.encode(data)?;
        self.held_bytes += data.len();
        self.held.push(data);
        if self.pieces.is_none() && self.held_bytes > self.hold_bytes {
            self.begin()?;
        }
        if self.pieces.is_some() {
            for data in std::mem::take(&mut self.held) {
                self.send(Piece::Data(data))?;
            }
        }
        Ok(())
    }

    /// Ends the answer, well or with an exception.
    pub(super) fn end(mut self, ended: Result<(), Stop>) {
        let exception = match ended {
            Ok(()) => None,
            Err(Stop::Exception(exception)) => Some(exception),
            Err(Stop::Gone) => return,
        };
        let result = if self.pieces.is_some() {
            self.end_stream(exception)
        } else {
            self.end_whole(exception)
        };
        if result.is_err() {
            tracing::debug!(query_id = self.head.query_id, "the client did not wait");
        }
    }

    fn end_whole(&mut self, exception: Option<Exception>) -> Result<(), Stop> {
        let outcome = match (exception, self.finish_encoder()) {
            (Some(exception), _) | (None, Err(Stop::Exception(exception))) => {
                Outcome::Failed(exception)
            }
            (None, Err(Stop::Gone)) => return Err(Stop::Gone),
            (None, Ok(rest)) => {
                self.held.push(rest);
                Outcome::Done(joined(std::mem::take(&mut self.held)))
            }
        };
        self.reply(outcome)
    }

    fn end_stream(&mut self, exception: Option<Exception>) -> Result<(), Stop> {
        let last = if let Some(exception) = exception {
            let tag = &self.head.exception_tag;
            let block = answer::exception_block(tag, &exception, self.version);
            let block = self.encode(block)?;
            self.send(Piece::Data(block))?;
            Piece::Failed
        } else {
            Piece::End
        };
        let rest = self.finish_encoder()?;
        if !rest.is_empty() {
            self.send(Piece::Data(rest))?;
        }
        self.send(last)
    }

    fn begin(&mut self) -> Result<(), Stop> {
        let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
        self.pieces = Some(sender);
        self.reply(Outcome::Streaming(receiver))
    }

    fn reply(&mut self, outcome: Outcome) -> Result<(), Stop> {
        let summary = Summary { counts: self.counts, elapsed: self.started.elapsed() };
        let reply = self.reply.take().ok_or(Stop::Gone)?;
        reply.send((outcome, summary)).map_err(|_| Stop::Gone)
    }

    /// Waits for a slow client, but not for ever: the statement holds a turn.
    fn send(&self, piece: Piece) -> Result<(), Stop> {
        let Some(pieces) = &self.pieces else {
            return Err(Stop::Gone);
        };
        match Handle::current().block_on(timeout(self.patience, pieces.send(piece))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Stop::Gone),
        }
    }

    fn encode(&mut self, data: Bytes) -> Result<Bytes, Stop> {
        if self.encoder.is_none() {
            self.encoder = Some(self.head.coding.encoder()?);
        }
        match &mut self.encoder {
            Some(encoder) => Ok(encoder.push(data)?),
            None => Ok(data),
        }
    }

    /// An empty answer is encoded too: a compressed nothing is not nothing.
    fn finish_encoder(&mut self) -> Result<Bytes, Stop> {
        let encoder = match self.encoder.take() {
            Some(encoder) => encoder,
            None => self.head.coding.encoder()?,
        };
        Ok(encoder.finish()?)
    }
}

// === impl Stop ===

impl From<Exception> for Stop {
    fn from(exception: Exception) -> Self {
        Self::Exception(exception)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        let message = format!("Cannot compress the answer: {error}");
        Self::Exception(Exception::new(Kind::UnknownException, message))
    }
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    pieces.retain(|piece| !piece.is_empty());
    match pieces.as_mut_slice() {
        [] => Bytes::new(),
        [only] => std::mem::take(only),
        many => many.concat().into(),
    }
}

/// How much of an answer is held by default, so that small ones get a whole summary.
const HOLD_BYTES: usize = 1 << 20;
const PIECES_AHEAD: usize = 4;
