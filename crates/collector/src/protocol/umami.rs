//! Umami: JSON. Its server gives clients a token that holds the session; ours has nothing to hold, so the
//! token is empty.

use candor_event::Outcome;
use candor_pipeline::Reply;
use http::StatusCode;
use serde_json::{Value, json};

use super::{foremost, is_refused, json, status};
use crate::respond::{self, Answer};

pub(super) fn answer(reply: Reply, outcomes: &[Outcome]) -> Answer {
    let outcome = foremost(outcomes);
    if reply == Reply::Each {
        return batch(outcomes);
    }
    if is_refused(outcome) {
        return json(status(outcome), outcome, &error(outcome));
    }
    json(StatusCode::OK, outcome, &json!({ "cache": "", "sessionId": "", "visitId": "" }))
}

/// 200 when anything could be read.
fn batch(outcomes: &[Outcome]) -> Answer {
    let refused = outcomes.iter().enumerate().filter(|(_, outcome)| is_refused(**outcome));
    let details: Vec<_> = refused
        .map(|(index, outcome)| json!({ "index": index, "response": error(*outcome) }))
        .collect();
    let outcome = foremost(outcomes);
    let all_refused = details.len() == outcomes.len();
    let status = if all_refused { status(outcome) } else { StatusCode::OK };
    let body = json!({
        "size": outcomes.len(),
        "processed": outcomes.len() - details.len(),
        "errors": details.len(),
        "details": details,
        "cache": "",
    });
    json(status, outcome, &body)
}

fn error(outcome: Outcome) -> Value {
    let (message, status) = (respond::advice(outcome), status(outcome).as_u16());
    json!({ "error": { "message": message, "code": outcome.label(), "status": status } })
}
