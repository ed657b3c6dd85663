//! What a connection is doing, since when, and until when it may.
//!
//! hyper's own deadline for headers counts from the moment at which it would like to read some, so that it
//! closes whoever keeps a connection for later, and it is not in force while the protocol is being told. Here
//! the time of headers begins with their first byte, idle connections have a time of their own, and so have
//! clients that do not take their answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::limit::{ANSWER_DEADLINE, HEADER_DEADLINE, SEND_DEADLINE};

/// Why a connection was closed by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// An answer was not taken in whole, or a request never ended.
    Answer,
    /// Headers were not complete.
    Headers,
    /// Nothing was asked.
    Idle,
}

/// The doings of one connection.
#[derive(Debug)]
pub(super) struct Pace(Mutex<State>);

/// A request under way. It ends when the last of its answer was handed over.
#[derive(Debug)]
pub(super) struct UnderWay {
    pace: Arc<Pace>,
    number: u64,
}

#[derive(Debug)]
struct State {
    wire: Wire,
    phase: Phase,
    /// Since when something waits to be taken by the client.
    unsent: Option<Instant>,
    /// Requests under way, the oldest first; as many as HTTP/2 has streams.
    requests: Vec<(u64, Instant)>,
    begun: u64,
}

/// What is known of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    /// So many bytes were those of HTTP/2's preface.
    Beginning(usize),
    One,
    /// Frames come and go whenever they like, so that bytes tell nothing.
    Two,
}

/// What is done while no request is under way.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Headers have begun.
    Headers(Instant),
    /// Nothing.
    Idle(Instant),
}

/// HTTP/2's connection preface (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// === impl Late ===

impl Late {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Headers => "headers",
            Self::Idle => "idle",
        }
    }
}

// === impl Pace ===

impl Pace {
    /// Of a connection that begins now.
    pub(super) fn begin(now: Instant) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            wire: Wire::Beginning(0),
            phase: Phase::Headers(now),
            unsent: None,
            requests: Vec::new(),
            begun: 0,
        })))
    }

    /// These bytes came.
    pub(super) fn read(&self, bytes: &[u8], now: Instant) {
        if bytes.is_empty() {
            return;
        }
        let mut state = self.state();
        if let Wire::Beginning(known) = state.wire {
            state.wire = Wire::after(known, bytes);
            if state.wire == Wire::Two {
                state.phase = Phase::Idle(now);
            }
            return;
        }
        if state.wire == Wire::One
            && state.requests.is_empty()
            && matches!(state.phase, Phase::Idle(_))
        {
            state.phase = Phase::Headers(now);
        }
    }

    /// The client takes no more at the moment.
    pub(super) fn stuck(&self, now: Instant) {
        self.state().unsent.get_or_insert(now);
    }

    /// The client has taken everything.
    pub(super) fn sent(&self) {
        self.state().unsent = None;
    }

    /// A request begins.
    pub(super) fn request(self: &Arc<Self>, now: Instant) -> UnderWay {
        let mut state = self.state();
        state.begun += 1;
        let number = state.begun;
        state.requests.push((number, now));
        UnderWay { pace: Arc::clone(self), number }
    }

    /// Whether a request ever began.
    pub(super) fn has_asked(&self) -> bool {
        self.state().begun > 0
    }

    /// Whether requests can be refused in an orderly way (HTTP/2's GOAWAY).
    pub(super) fn can_say_goodbye(&self) -> bool {
        self.state().wire == Wire::Two
    }

    /// Until when what it does may last, given how long it may be idle; `None` when that is for ever: where
    /// requests have no end.
    pub(super) fn deadline(&self, idle: Duration, requests_end: bool) -> Option<(Instant, Late)> {
        let state = self.state();
        let doing = match (state.requests.first(), state.phase) {
            (Some((_, since)), _) => {
                let end = *since + ANSWER_DEADLINE + SEND_DEADLINE;
                requests_end.then_some((end, Late::Answer))
            }
            (None, Phase::Headers(since)) => Some((since + HEADER_DEADLINE, Late::Headers)),
            (None, Phase::Idle(since)) => Some((since + idle, Late::Idle)),
        };
        let sending = state.unsent.map(|since| (since + SEND_DEADLINE, Late::Answer));
        doing.into_iter().chain(sending).min_by_key(|(deadline, _)| *deadline)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Wire ===

impl Wire {
    /// What is known after these bytes, when `known` bytes before them were the preface's.
    fn after(known: usize, bytes: &[u8]) -> Self {
        let rest = PREFACE.get(known..).unwrap_or_default();
        let length = rest.len().min(bytes.len());
        if rest.get(..length) != bytes.get(..length) {
            Self::One
        } else if length == rest.len() {
            Self::Two
        } else {
            Self::Beginning(known + length)
        }
    }
}

// === impl UnderWay ===

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        state.requests.retain(|(number, _)| *number != self.number);
        if state.requests.is_empty() {
            state.phase = Phase::Idle(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::IDLE_DEADLINE;

    fn late(pace: &Pace) -> (u64, Late) {
        let (at, late) = pace.deadline(IDLE_DEADLINE, true).unwrap();
        ((at - Instant::now()).as_secs(), late)
    }

    #[tokio::test(start_paused = true)]
    async fn each_doing_has_its_time() {
        let pace = Pace::begin(Instant::now());
        assert_eq!(late(&pace), (5, Late::Headers), "whoever connects must ask");
        pace.read(b"GET / HT", Instant::now());
        tokio::time::advance(Duration::from_secs(2)).await;
        pace.read(b"TP/1.1\r\n", Instant::now());
        assert_eq!(late(&pace), (3, Late::Headers), "bytes buy no time");
        let request = pace.request(Instant::now());
        assert_eq!(late(&pace), (15, Late::Answer));
        assert_eq!(pace.deadline(IDLE_DEADLINE, false), None, "where requests have no end");
        pace.read(b"a body", Instant::now());
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(request);
        assert_eq!(late(&pace), (30, Late::Idle));
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(late(&pace), (10, Late::Idle));
        pace.read(b"G", Instant::now());
        assert_eq!(late(&pace), (5, Late::Headers), "the next request has begun");
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_request_counts() {
        let pace = Pace::begin(Instant::now());
        pace.read(PREFACE, Instant::now());
        assert_eq!(late(&pace), (30, Late::Idle), "HTTP/2 may be opened for later");
        pace.read(b"a ping, say", Instant::now());
        assert_eq!(late(&pace), (30, Late::Idle), "frames are no headers");
        let first = pace.request(Instant::now());
        tokio::time::advance(Duration::from_secs(3)).await;
        let second = pace.request(Instant::now());
        assert_eq!(late(&pace), (12, Late::Answer));
        drop(first);
        assert_eq!(late(&pace), (15, Late::Answer));
        drop(second);
        assert_eq!(late(&pace), (30, Late::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_take_the_answer_has_little_time() {
        let pace = Pace::begin(Instant::now());
        pace.read(b"GET /", Instant::now());
        drop(pace.request(Instant::now()));
        pace.stuck(Instant::now());
        tokio::time::advance(Duration::from_secs(4)).await;
        pace.stuck(Instant::now());
        assert_eq!(late(&pace), (1, Late::Answer), "trickling buys no time");
        pace.sent();
        assert_eq!(late(&pace), (26, Late::Idle));
    }

    #[test]
    fn the_protocol_is_told_by_its_beginning() {
        let tell = |pieces: &[&[u8]]| {
            pieces.iter().fold(Wire::Beginning(0), |wire, bytes| match wire {
                Wire::Beginning(known) => Wire::after(known, bytes),
                told => told,
            })
        };
        assert_eq!(tell(&[b"P"]), Wire::Beginning(1));
        assert_eq!(tell(&[b"P", b"OST /"]), Wire::One);
        assert_eq!(tell(&[b"PRI * HT", b"TP/2.0\r\n\r\nSM\r\n\r\n"]), Wire::Two);
        assert_eq!(tell(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore"]), Wire::Two);
        assert_eq!(tell(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"]), Wire::One);
    }
}
