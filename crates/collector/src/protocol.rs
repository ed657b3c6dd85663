//! Other products' protocols at the door: which path speaks which, and the answers that their clients
//! expect. What their beacons say is the pipeline's affair.
//!
//! Whatever the protocol: the header `Candor-Outcome` names what became of a beacon, and what is not known
//! to be durable is answered 503.

use bytes::Bytes;
use candor_event::Outcome;
use candor_pipeline::{Call, Peer, Protocol, Reply};
use candor_transport::Producer;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Body;

use crate::door::{Door, Refused, Results};
use crate::inflate::Encoding;
use crate::respond::{self, Answer};
use crate::tally::Duty;

mod matomo;
mod plausible;
mod umami;

pub(crate) use plausible::health;

/// The protocol that is spoken at a path.
pub(crate) fn of_path(path: &str) -> Option<Protocol> {
    match path {
        "/api/event" => Some(Protocol::Plausible),
        "/api/send" | "/api/batch" => Some(Protocol::Umami),
        "/matomo.php" | "/piwik.php" => Some(Protocol::Matomo),
        _ => None,
    }
}

impl<P: Producer> Door<P> {
    /// Answers a request at such a path.
    pub(crate) async fn answer_foreign<B>(
        &self,
        protocol: Protocol,
        peer: &Peer,
        request: Request<B>,
    ) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        match (request.method(), protocol) {
            (&Method::POST, _) | (&Method::GET, Protocol::Matomo) => {
                self.take_foreign(protocol, peer, request).await
            }
            (&Method::OPTIONS, _) => respond::preflight(),
            (_, Protocol::Matomo) => respond::not_allowed("GET, POST, OPTIONS"),
            (_, Protocol::Plausible | Protocol::Umami) => respond::not_allowed("POST, OPTIONS"),
        }
    }

    async fn take_foreign<B>(&self, protocol: Protocol, peer: &Peer, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let label = protocol.label();
        metrics::counter!("collector_foreign_requests_total", "protocol" => label).increment(1);
        let mut duty = self.tally().request();
        match self.read_and_run_foreign(protocol, peer, request, &mut duty).await {
            Ok((reply, results)) => {
                let settled = self.settle(results, &mut duty).await;
                respond::waiting(told(protocol, reply, &settled.outcomes), settled.wait)
            }
            Err(Refused { outcome, wait }) => {
                duty.tell_all(outcome);
                respond::waiting(told(protocol, Reply::One, &[outcome]), wait)
            }
        }
    }

    /// Reads a request to its end and lets go of it.
    async fn read_and_run_foreign<B>(
        &self,
        protocol: Protocol,
        peer: &Peer,
        request: Request<B>,
        duty: &mut Duty<'_>,
    ) -> Result<(Reply, Results), Refused>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (head, body) = request.into_parts();
        let client = self.hear(peer, &head.headers)?;
        let body = self.bodies.read(Encoding::of(&head.headers)?, body).await?;
        let call = Call { query: head.uri.query().unwrap_or_default(), body: &body };
        self.run_foreign(protocol, client, peer, &head.headers, call, duty)
    }
}

fn told(protocol: Protocol, reply: Reply, outcomes: &[Outcome]) -> Answer {
    let of_status = |status| outcomes.iter().copied().find(|o| respond::status(*o) == status);
    if let Some(temporary) = of_status(StatusCode::SERVICE_UNAVAILABLE) {
        return respond::one(temporary);
    }
    if outcomes.iter().all(|outcome| *outcome == Outcome::RateLimited) {
        return respond::one(Outcome::RateLimited);
    }
    match protocol {
        Protocol::Matomo => matomo::answer(reply, outcomes),
        Protocol::Plausible => plausible::answer(outcomes),
        Protocol::Umami => umami::answer(reply, outcomes),
    }
}

// === what several protocols need ===

/// Whether a beacon was refused, rather than kept or by policy not kept.
fn is_refused(outcome: Outcome) -> bool {
    !respond::status(outcome).is_success()
}

/// The outcome that stands for all: that one was kept, or else that of the first.
fn foremost(outcomes: &[Outcome]) -> Outcome {
    let kept = outcomes.iter().find(|outcome| **outcome == Outcome::Accepted);
    kept.or_else(|| outcomes.first()).copied().unwrap_or(Outcome::Malformed)
}

/// As ours, but for a site that is not known: these products call that a bad request.
fn status(outcome: Outcome) -> StatusCode {
    match outcome {
        Outcome::UnknownSite => StatusCode::BAD_REQUEST,
        outcome => respond::status(outcome),
    }
}

fn json(status: StatusCode, outcome: Outcome, body: &serde_json::Value) -> Answer {
    typed(status, outcome, "application/json", body.to_string())
}

fn typed(
    status: StatusCode,
    outcome: Outcome,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Answer {
    let mut answer = respond::with_outcome(status, outcome, body.into());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

#[cfg(test)]
mod tests {
    use Outcome::{
        Accepted, ConsentDenied, HostDenied, KindDenied, Malformed, RateLimited, TooLarge,
        Unavailable, UnknownSite,
    };
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;

    async fn body(answer: Answer) -> String {
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8_lossy(&body).into_owned()
    }

    #[test]
    fn statuses_are_those_that_clients_expect() {
        let plausible = |outcomes: &[Outcome]| told(Protocol::Plausible, Reply::One, outcomes);
        let umami = |outcomes: &[Outcome]| told(Protocol::Umami, Reply::One, outcomes);
        let matomo = |outcomes: &[Outcome]| told(Protocol::Matomo, Reply::One, outcomes);
        let table = [
            (Accepted, [202, 200, 200]),
            (ConsentDenied, [202, 200, 200]),
            (KindDenied, [202, 200, 200]),
            (UnknownSite, [202, 400, 400]),
            (HostDenied, [202, 403, 403]),
            (Malformed, [400, 400, 400]),
            (TooLarge, [413, 413, 413]),
            (RateLimited, [429, 429, 429]),
            (Unavailable, [503, 503, 503]),
        ];
        for (outcome, want) in table {
            let answers = [plausible(&[outcome]), umami(&[outcome]), matomo(&[outcome])];
            assert_eq!(
                answers.each_ref().map(|answer| answer.status().as_u16()),
                want,
                "{outcome:?}"
            );
            for answer in &answers {
                assert_eq!(answer.headers()["candor-outcome"], outcome.label());
            }
            let is_dropped = answers[0].headers().contains_key("x-plausible-dropped");
            assert_eq!(is_dropped, want[0] == 202 && outcome != Accepted, "{outcome:?}");
        }
    }

    #[tokio::test]
    async fn lists_are_answered_beacon_by_beacon() {
        let each = |protocol, outcomes: &[Outcome]| told(protocol, Reply::Each, outcomes);
        let mixed = [Accepted, UnknownSite, ConsentDenied];
        let answer = each(Protocol::Matomo, &mixed);
        assert_eq!(answer.status(), 200);
        assert_eq!(body(answer).await, r#"{"invalid":1,"status":"success","tracked":1}"#);
        assert_eq!(each(Protocol::Matomo, &[Malformed]).status(), 400);
        let answer = each(Protocol::Umami, &mixed);
        assert_eq!(answer.status(), 200);
        let batch: serde_json::Value = serde_json::from_str(&body(answer).await).unwrap();
        assert_eq!((&batch["size"], &batch["processed"]), (&json!(3), &json!(2)));
        assert_eq!((&batch["errors"], &batch["cache"]), (&json!(1), &json!("")));
        assert_eq!(batch["details"][0]["index"], 1);
        assert_eq!(each(Protocol::Umami, &[Malformed]).status(), 400);
        for protocol in [Protocol::Matomo, Protocol::Umami] {
            assert_eq!(each(protocol, &[Accepted, Unavailable]).status(), 503);
        }
    }

    #[test]
    fn silence_is_kept() {
        let silent = |outcome| matomo::answer(Reply::Silent, &[outcome]).status().as_u16();
        assert_eq!([Accepted, ConsentDenied, Malformed].map(silent), [204, 204, 400]);
    }
}
