//! A client that sends what it is told, and gives back whatever came.

use std::time::Duration;

use ureq::Agent;
use ureq::http::Request;

use crate::eventually;

/// A connection pool to one address.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    base: String,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header `Candor-Outcome`, or nothing.
    pub outcome: String,
    /// All headers, as text.
    pub headers: String,
    /// The body; bytes that are no text are replaced.
    pub body: String,
}

impl Client {
    /// A client of `http://ADDRESS`.
    pub fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_mins(1)))
            .user_agent("")
            .build();
        Self { agent: config.into(), base: base.to_owned() }
    }

    /// Where it sends to.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a GET.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, b"").expect("an answer")
    }

    /// Sends a POST.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        self.send("POST", path, headers, body.as_ref()).expect("an answer")
    }

    /// Sends a body to a collector as JSON.
    pub fn beacon(&self, body: &str) -> Answer {
        self.post("/v1/events", &[("content-type", "application/json")], body)
    }

    /// Waits until whoever has this admin listener calls itself ready.
    pub fn wait_until_ready(&self) {
        eventually("ready", || {
            let answer = self.send("GET", "/readyz", &[], b"")?;
            (answer.status == 200).then_some(())
        });
    }

    /// The value of a counter or gauge of an admin listener, 0 when it was never touched.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics", &[]).body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// Waits until a counter or gauge has this value: what is stored is counted after it can be seen.
    pub fn metric_becomes(&self, name: &str, want: u64) {
        eventually(name, || (self.metric(name) == want).then_some(()));
    }

    /// Sends a request; `None` when no whole answer comes.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = if method == "GET" {
            self.agent.run(request.body(()).ok()?)
        } else {
            self.agent.run(request.body(body).ok()?)
        };
        let mut answer = answer.ok()?;
        let outcome = answer.headers().get("candor-outcome").and_then(|v| v.to_str().ok());
        Some(Answer {
            status: answer.status().as_u16(),
            outcome: outcome.unwrap_or_default().to_owned(),
            headers: format!("{:?}", answer.headers()),
            body: String::from_utf8_lossy(
                &answer.body_mut().with_config().limit(ANSWER_MAX).read_to_vec().ok()?,
            )
            .into_owned(),
        })
    }
}

/// Bytes: a list of millions of numbers.
const ANSWER_MAX: u64 = 1 << 30;
