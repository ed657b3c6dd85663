//! Plausible: 202 `ok` for whatever could be read, and a header that tells what was dropped.

use candor_event::Outcome;
use http::header::ACCESS_CONTROL_EXPOSE_HEADERS;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use super::{foremost, is_refused, json, status, typed};
use crate::respond::{self, Answer};

/// What Plausible says of itself as long as it takes events in. Whether we do, the admin listener says.
pub(crate) fn health() -> Answer {
    respond::content(StatusCode::OK, "application/json", HEALTHY)
}

const HEALTHY: &str = r#"{"clickhouse":"ok","postgres":"ok","sites_cache":"ok"}"#;

pub(super) fn answer(outcomes: &[Outcome]) -> Answer {
    let outcome = foremost(outcomes);
    let is_elsewhere = matches!(outcome, Outcome::HostDenied | Outcome::UnknownSite);
    if is_refused(outcome) && !is_elsewhere {
        let errors = json!({ "errors": { "event": [respond::advice(outcome)] } });
        return json(status(outcome), outcome, &errors);
    }
    let mut answer = typed(StatusCode::ACCEPTED, outcome, "text/plain; charset=utf-8", "ok");
    if outcome != Outcome::Accepted {
        let headers = answer.headers_mut();
        headers.insert("x-plausible-dropped", HeaderValue::from_static("1"));
        let exposed = HeaderValue::from_static("candor-outcome, x-plausible-dropped");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    answer
}
