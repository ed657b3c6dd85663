//! Matomo: a GIF, nothing when the client wants no image, or the counts of a list.

use bytes::Bytes;
use candor_event::Outcome;
use candor_pipeline::Reply;
use http::StatusCode;
use serde_json::json;

use super::{foremost, is_refused, json, status, typed};
use crate::respond::{self, Answer};

pub(super) fn answer(reply: Reply, outcomes: &[Outcome]) -> Answer {
    let outcome = foremost(outcomes);
    match reply {
        Reply::Each => list(outcomes),
        Reply::One | Reply::Silent if is_refused(outcome) => {
            let body = json!({ "error": respond::advice(outcome) });
            json(status(outcome), outcome, &body)
        }
        Reply::One => {
            typed(StatusCode::OK, outcome, "image/gif", Bytes::from_static(respond::PIXEL))
        }
        Reply::Silent => respond::with_outcome(StatusCode::NO_CONTENT, outcome, Bytes::new()),
    }
}

/// What is by policy not kept is neither tracked nor invalid.
fn list(outcomes: &[Outcome]) -> Answer {
    let outcome = foremost(outcomes);
    let tracked = outcomes.iter().filter(|outcome| **outcome == Outcome::Accepted).count();
    let invalid = outcomes.iter().filter(|outcome| is_refused(**outcome)).count();
    let (status, word) = if invalid == outcomes.len() {
        (status(outcome), "error")
    } else {
        (StatusCode::OK, "success")
    };
    json(status, outcome, &json!({ "status": word, "tracked": tracked, "invalid": invalid }))
}
