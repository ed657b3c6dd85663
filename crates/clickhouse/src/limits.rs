//! Every bound of the server, in one place.

use std::time::Duration;

/// Bounds on what one client, and all of them together, may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections; further ones wait in the listening queue.
    pub connections: usize,
    /// Statements that run at a time.
    pub running: usize,
    /// Statements that wait for their turn; further ones are refused.
    pub waiting: usize,
    /// Open sessions.
    pub sessions: usize,
    /// A request body, as sent and after decompression.
    pub body_bytes: usize,
    /// All request bodies held at a time.
    pub bodies_bytes: usize,
    /// A whole answer kept back under `wait_end_of_query=1`; longer ones stream.
    pub held_answer_bytes: usize,
    /// The head of a request, its URL included.
    pub head_bytes: usize,
    /// Time to send the head of a request, which is also how long an idle connection is kept.
    pub head: Duration,
    /// Time between two pieces of a body.
    pub body_idle: Duration,
    /// Time for a whole body; clients that write as they go keep one open for seconds.
    pub body_total: Duration,
    /// Time that a client may take for a piece of its answer.
    pub answer_idle: Duration,
    /// Time that running statements get when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            running: 16,
            waiting: 128,
            sessions: 64,
            body_bytes: 64 << 20,
            bodies_bytes: 512 << 20,
            held_answer_bytes: 64 << 20,
            head_bytes: 128 << 10,
            head: Duration::from_secs(30),
            body_idle: Duration::from_secs(30),
            body_total: Duration::from_mins(5),
            answer_idle: Duration::from_mins(1),
            drain: Duration::from_secs(10),
        }
    }
}
