//! A follower asks its leader for keys again and again. While that is in vain it goes on with what it has,
//! until that ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use candor_collector::tls::Tls;
use candor_event::Clock;
use candor_pipeline::{HANDOVER_BYTES, KeyRing, TakeOverError, TakenOver};
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use zeroize::Zeroizing;

use super::{ASK_EVERY_MIN, PATH};
use crate::config::Leader;

/// Asks for keys.
#[derive(Debug)]
pub(crate) struct Follower {
    leader: Leader,
    pub(super) tls: Tls<ClientConfig>,
    /// How long it waits after an answer.
    every: Duration,
    /// How many times it asked in vain since the last answer.
    failures: u32,
    /// Why, when that was told.
    told: Option<&'static str>,
}

/// Why a leader was asked in vain.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("it answered {0}")]
    Answer(StatusCode),
    #[error("there is no TLS with it")]
    Handshake(#[source] io::Error),
    #[error("the conversation broke off")]
    Http(#[from] hyper::Error),
    #[error("it did not answer within 3 s")]
    Late,
    #[error(
        "its answer has another length than keys have: let both have the same version of candor"
    )]
    Length,
    #[error(transparent)]
    NotTaken(#[from] TakeOverError),
    #[error("nobody answers there")]
    Unreachable(#[source] io::Error),
}

/// Ends a conversation when it is dropped.
struct Conversation(AbortHandle);

/// All of an ask.
const DEADLINE: Duration = Duration::from_secs(3);

// === impl Follower ===

impl Follower {
    pub(super) fn new(leader: Leader, tls: Tls<ClientConfig>, every: Duration) -> Self {
        Self { leader, tls, every, failures: 0, told: None }
    }

    /// Asks for ever.
    pub(super) async fn run(mut self, keys: Arc<KeyRing>, clock: Arc<dyn Clock>) {
        loop {
            tokio::time::sleep(pause(self.every, self.failures, jitter())).await;
            self.ask(&keys, &*clock).await;
        }
    }

    /// Asks once, and tells what has changed.
    pub(super) async fn ask(&mut self, keys: &KeyRing, clock: &dyn Clock) {
        let asked = match tokio::time::timeout(DEADLINE, self.fetch()).await {
            Ok(fetched) => fetched,
            Err(_) => Err(AskError::Late),
        };
        let taken = asked.and_then(|handed| Ok(keys.take_over(handed.as_slice(), clock.now())?));
        let result = match &taken {
            Ok(TakenOver::Begun) => "taken_over",
            Ok(TakenOver::Known) => "known",
            Err(error) => error.label(),
        };
        metrics::counter!("candor_fleet_asks_total", "result" => result).increment(1);
        match taken {
            Ok(_) => {
                let now = Duration::from_secs(clock.now().unix().unsigned_abs());
                metrics::gauge!("candor_fleet_answered_timestamp_seconds").set(now.as_secs_f64());
                self.failures = 0;
                if self.told.take().is_some() {
                    tracing::info!(
                        leader = self.leader.place,
                        "the leader of the fleet answers again"
                    );
                }
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                if self.told.replace(result) != Some(result) {
                    tracing::warn!(
                        leader = self.leader.place,
                        reason = format!("{:#}", anyhow::Error::new(error)),
                        "the leader of the fleet was asked for keys in vain; those at hand last until \
                         their epoch ends"
                    );
                }
            }
        }
    }

    /// The bytes that the leader hands out. What TLS and HTTP held of them is theirs and not overwritten by us.
    async fn fetch(&self) -> Result<Zeroizing<Vec<u8>>, AskError> {
        let host = self.leader.name.to_str();
        let stream = TcpStream::connect((host.as_ref(), self.leader.port));
        let stream = stream.await.map_err(AskError::Unreachable)?;
        let stream = self.tls.connect(self.leader.name.clone(), stream);
        let stream = stream.await.map_err(AskError::Handshake)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        let _conversation = Conversation(tokio::spawn(connection).abort_handle());
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.uri_mut() = http::Uri::from_static(PATH);
        if let Ok(host) = self.leader.place.parse() {
            request.headers_mut().insert(HOST, host);
        }
        let answer = sender.send_request(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(AskError::Answer(answer.status()));
        }
        read(answer.into_body()).await
    }
}

/// Reads exactly what keys have. They lie on the heap, where handing them on leaves no copy behind.
async fn read(mut body: Incoming) -> Result<Zeroizing<Vec<u8>>, AskError> {
    let mut handed = Zeroizing::new(vec![0; HANDOVER_BYTES]);
    let mut rest = handed.as_mut_slice();
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        let bytes = frame.data_ref().map(AsRef::as_ref).unwrap_or_default();
        let (place, after) = rest.split_at_mut_checked(bytes.len()).ok_or(AskError::Length)?;
        place.copy_from_slice(bytes);
        rest = after;
    }
    if rest.is_empty() { Ok(handed) } else { Err(AskError::Length) }
}

/// How long to wait before it asks again: half of it by chance, so that a fleet does not ask all at once.
fn pause(every: Duration, failures: u32, jitter: u16) -> Duration {
    let whole = match failures {
        0 => every,
        _ => ASK_EVERY_MIN.saturating_mul(1 << failures.min(16)).min(every),
    };
    whole / 2 + whole / 2 * u32::from(jitter) / u32::from(u16::MAX)
}

/// Without the system's random source it is in the middle.
fn jitter() -> u16 {
    let mut bytes = [0, 0x80];
    getrandom::fill(&mut bytes).ok();
    u16::from_le_bytes(bytes)
}

// === impl AskError ===

impl AskError {
    /// A word for counting.
    fn label(&self) -> &'static str {
        match self {
            Self::Answer(_) => "answer",
            Self::Handshake(_) => "handshake",
            Self::Http(_) => "broken_off",
            Self::Late => "late",
            Self::Length => "unreadable",
            Self::NotTaken(error) => error.label(),
            Self::Unreachable(_) => "unreachable",
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_asks_soon_after_a_failure_and_then_less_often() {
        let every = Duration::from_secs(10);
        let longest = |failures| pause(every, failures, u16::MAX).as_millis();
        assert_eq!(
            [0, 1, 2, 3, 6, 7, 60].map(longest),
            [10_000, 500, 1_000, 2_000, 10_000, 10_000, 10_000]
        );
        let shortest = |failures| pause(every, failures, 0).as_millis();
        assert_eq!([0, 1, u32::MAX].map(shortest), [5_000, 250, 5_000]);
    }

    #[test]
    fn half_of_a_pause_is_chance() {
        let every = Duration::from_secs(10);
        let pauses: Vec<_> = (0..5).map(|part| pause(every, 0, part * 16_383)).collect();
        assert!(pauses.is_sorted() && pauses.first() != pauses.last(), "{pauses:?}");
    }
}
