//! Takes a request's body in whole, within bounds.
//!
//! A body is held until its end has been seen: an INSERT whose sender dies on the way must leave no
//! rows behind, and only the end of the body proves that all of it is there.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::parameters::Parameters;
use super::{encoding, framing};
use crate::exception::{Exception, Kind};
use crate::limits::Limits;

/// A whole body and its share of the memory that all bodies may take.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) data: Bytes,
    share: Share,
}

/// A part of the memory that all bodies may take; given back on drop.
#[derive(Debug)]
struct Share {
    memory: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

/// Reads the body to its end.
///
/// # Errors
///
/// When it is larger than the limits allow, does not arrive in time, or breaks off.
pub(crate) async fn collect(
    body: Incoming,
    limits: &Limits,
    memory: &Arc<Semaphore>,
) -> Result<Held, Exception> {
    timeout(limits.body_total, collect_pieces(body, limits, memory))
        .await
        .unwrap_or_else(|_| Err(late()))
}

// === impl Held ===

impl Held {
    /// Undoes `Content-Encoding` and `decompress=1`, on a thread that may block.
    ///
    /// # Errors
    ///
    /// When the body is not what they say, or larger than `limit` once unpacked.
    pub(crate) async fn decode(
        self,
        headers: &HeaderMap,
        parameters: &Parameters,
        limit: usize,
    ) -> Result<Self, Exception> {
        let coding = headers.get("content-encoding").cloned();
        let framed = parameters.decompress;
        if coding.is_none() && !framed {
            return Ok(self);
        }
        let Self { data, mut share } = self;
        let decoding = tokio::task::spawn_blocking(move || {
            let coding = coding.as_ref().map_or(Ok(""), |coding| coding.to_str());
            let data = encoding::decode(coding.unwrap_or("?"), data, limit)?;
            if framed { framing::decode(&data, limit).map(Bytes::from) } else { Ok(data) }
        });
        let data = decoding.await.unwrap_or_else(|_| Err(full()))?;
        share.grow(data.len())?;
        Ok(Self { data, share })
    }
}

// === impl Share ===

impl Share {
    fn grow(&mut self, bytes: usize) -> Result<(), Exception> {
        let bytes = u32::try_from(bytes).map_err(|_| full())?;
        let memory = Arc::clone(&self.memory);
        let more = memory.try_acquire_many_owned(bytes).map_err(|_| full())?;
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        Ok(())
    }
}

/// What a body above the limit is answered with (413).
pub(crate) fn too_large(limit: usize) -> Exception {
    let message = format!(
        "The request body is larger than {limit} bytes, as sent or decompressed; send smaller \
         batches"
    );
    Exception::new(Kind::QueryIsTooLarge, message)
}

async fn collect_pieces(
    mut body: Incoming,
    limits: &Limits,
    memory: &Arc<Semaphore>,
) -> Result<Held, Exception> {
    let announced = body.size_hint().lower();
    if announced > u64::try_from(limits.body_bytes).unwrap_or(u64::MAX) {
        return Err(too_large(limits.body_bytes));
    }
    let mut data = BytesMut::with_capacity(usize::try_from(announced).unwrap_or_default());
    let mut share = Share { memory: Arc::clone(memory), permit: None };
    while let Some(frame) = timeout(limits.body_idle, body.frame()).await.map_err(|_| late())? {
        let Ok(piece) = frame.map_err(|_| cut())?.into_data() else {
            continue;
        };
        if piece.len() > limits.body_bytes.saturating_sub(data.len()) {
            return Err(too_large(limits.body_bytes));
        }
        share.grow(piece.len())?;
        data.extend_from_slice(&piece);
    }
    Ok(Held { data: data.freeze(), share })
}

fn cut() -> Exception {
    let message = "The request body broke off before its end; nothing was inserted";
    Exception::new(Kind::UnexpectedEndOfFile, message)
}

fn late() -> Exception {
    let message = "The request body did not arrive in time; nothing was inserted";
    Exception::new(Kind::TimeoutExceeded, message)
}

fn full() -> Exception {
    let message = "Too many request bodies are held at once; nothing was inserted, try again";
    Exception::new(Kind::MemoryLimitExceeded, message)
}
