//! Answers. None of them repeats anything that the client sent.

use bytes::Bytes;
use candor_event::Outcome;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW,
    CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::throttle::Wait;

/// An answer with its whole body.
pub type Answer = Response<Full<Bytes>>;

static CANDOR_OUTCOME: HeaderName = HeaderName::from_static("candor-outcome");
static CROSS_ORIGIN: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// As many as an answer to a beacon has, with those that let a page read it.
const HEADERS: usize = 9;

/// A transparent GIF of one pixel (`GIF89a`).
pub(crate) const PIXEL: &[u8] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00\x21\xf9\x04\x01\x00\x00\x00\
\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00\x3b";

/// The status that tells of an outcome: 202 kept, 204 heard and by policy not kept, otherwise an error.
pub(crate) const fn status(outcome: Outcome) -> StatusCode {
    match outcome {
        Outcome::Accepted => StatusCode::ACCEPTED,
        Outcome::ConsentDenied
        | Outcome::DeniedByDnt
        | Outcome::DeniedByGpc
        | Outcome::DeniedByObjection
        | Outcome::Expired
        | Outcome::FailedRequest
        | Outcome::KindDenied
        | Outcome::NotAPage => StatusCode::NO_CONTENT,
        Outcome::HostDenied | Outcome::UnknownSite => StatusCode::FORBIDDEN,
        Outcome::Malformed => StatusCode::BAD_REQUEST,
        Outcome::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Outcome::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Outcome::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Outcome::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Outcome::Abandoned | Outcome::KeyMissing | Outcome::Unavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// What a person who reads a refusal should do next.
pub(crate) const fn advice(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::HostDenied => "the page's host or the Origin is not among the site's hosts",
        Outcome::KeyMissing => "no key to anonymise with; try again",
        Outcome::Malformed => {
            "not a beacon: that is JSON, an object with the `site`, the whole `url` of the page, and a `name` \
             when its kind is custom, each field of its type and size"
        }
        Outcome::RateLimited => "more than may come of this network or site; send less, or later",
        Outcome::TooSlow => "the body did not come in time; send it again",
        Outcome::TooLarge => "at most 64 KiB a beacon, 1 MiB and 1,000 beacons a request, inflated",
        Outcome::UnknownSite => "no policy names this site",
        Outcome::UnsupportedMedia => {
            "send application/json, text/plain or application/x-ndjson, as it is or with gzip"
        }
        _ => "not known to be durable; send it again with the same id",
    }
}

/// The answer to one beacon.
pub(crate) fn one(outcome: Outcome) -> Answer {
    let status = status(outcome);
    if status.is_success() {
        return with_outcome(status, outcome, Bytes::new());
    }
    problem(outcome, None)
}

/// The answer to a pixel: an image where one is expected.
pub(crate) fn pixel(outcome: Outcome) -> Answer {
    if outcome != Outcome::Accepted {
        return one(outcome);
    }
    let mut answer = with_outcome(StatusCode::ACCEPTED, outcome, Bytes::from_static(PIXEL));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    answer
}

/// The answer to several beacons: 202 when any was kept, with an outcome for each.
pub(crate) fn several(outcomes: &[Outcome]) -> Answer {
    let is_temporary = |outcome: &&Outcome| status(**outcome) == StatusCode::SERVICE_UNAVAILABLE;
    if let Some(temporary) = outcomes.iter().find(is_temporary) {
        return problem(*temporary, None);
    }
    let labels: Vec<_> = outcomes.iter().map(|outcome| outcome.label()).collect();
    let accepted = outcomes.iter().filter(|outcome| **outcome == Outcome::Accepted).count();
    if accepted > 0 {
        let body = serde_json::json!({ "accepted": accepted, "outcomes": labels }).to_string();
        let mut answer = with_outcome(StatusCode::ACCEPTED, Outcome::Accepted, body.into());
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return answer;
    }
    // What may come again is told before what may not.
    let limited = outcomes.iter().find(|outcome| **outcome == Outcome::RateLimited);
    let refused = limited.or_else(|| outcomes.iter().find(|o| !status(**o).is_success()));
    match refused {
        Some(refused) => problem(*refused, Some(&labels)),
        None => one(outcomes.first().copied().unwrap_or(Outcome::Malformed)),
    }
}

/// The answer to a preflight, for pages that may send beacons; [`let_read`] says which.
pub(crate) fn preflight() -> Answer {
    let mut answer = plain(StatusCode::NO_CONTENT, "");
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    // Other products' clients send headers of their own, which are not read.
    let read = HeaderValue::from_static("content-type, content-encoding, *");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, read);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    answer
}

/// Lets the pages of one origin, which the policy names, read an answer. Matomo's tracker sends with
/// credentials, and sends again when it may not read: nothing in the answer depends on whom it is for.
pub(crate) fn let_read(answer: &mut Answer, origin: HeaderValue, with_credentials: bool) {
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(VARY, HeaderValue::from_static("origin"));
    if with_credentials {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

/// What an answer says became of the beacons; nothing of an answer to something else.
pub(crate) fn outcome(answer: &Answer) -> Option<Outcome> {
    let named = answer.headers().get(&CANDOR_OUTCOME)?.as_bytes();
    Outcome::ALL.into_iter().find(|outcome| outcome.label().as_bytes() == named)
}

/// Says when it helps to come back to a refusal for number.
pub(crate) fn waiting(mut answer: Answer, wait: Option<Wait>) -> Answer {
    if let Some(Wait(wait)) = wait
        && answer.status() == StatusCode::TOO_MANY_REQUESTS
    {
        let seconds = wait.as_millis().div_ceil(1_000).clamp(1, RETRY_AFTER_SECONDS_MAX);
        if let Ok(seconds) = HeaderValue::try_from(seconds.to_string()) {
            answer.headers_mut().insert(RETRY_AFTER, seconds);
        }
    }
    answer
}

/// However much somebody owes.
const RETRY_AFTER_SECONDS_MAX: u128 = 60;

/// A wrong method.
pub(crate) fn not_allowed(allow: &'static str) -> Answer {
    let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// A short text.
pub fn plain(status: StatusCode, text: &'static str) -> Answer {
    content(status, "text/plain; charset=utf-8", text)
}

/// A page, a file or a report of our own, never to be stored by a browser.
pub fn content(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// The same for the pages of websites: they may hold it to a hash, which asks for CORS, and browsers keep
/// it for a day.
pub(crate) fn shared(mut answer: Answer) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(&CROSS_ORIGIN, HeaderValue::from_static("cross-origin"));
    answer
}

/// A problem (RFC 9457).
fn problem(outcome: Outcome, outcomes: Option<&[&'static str]>) -> Answer {
    let status = status(outcome);
    let mut body = serde_json::json!({
        "title": advice(outcome),
        "status": status.as_u16(),
        "outcome": outcome.label(),
    });
    if let (Some(outcomes), Some(body)) = (outcomes, body.as_object_mut()) {
        body.insert("outcomes".to_owned(), outcomes.into());
    }
    let mut answer = with_outcome(status, outcome, body.to_string().into());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

/// An answer that names the outcome. Which pages may read it, [`let_read`] says.
pub(crate) fn with_outcome(status: StatusCode, outcome: Outcome, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(&CANDOR_OUTCOME, HeaderValue::from_static(outcome.label()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("candor-outcome"));
    headers.insert(&CROSS_ORIGIN, HeaderValue::from_static("cross-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_beacons_are_answered_together() {
        use Outcome::{
            Accepted, ConsentDenied, DeniedByGpc, KeyMissing, Malformed, RateLimited, Unavailable,
        };
        let cases: [(&[Outcome], u16); 9] = [
            (&[RateLimited, Accepted], 202),
            (&[ConsentDenied, Malformed, RateLimited], 429),
            (&[RateLimited, Unavailable], 503),
            (&[Malformed, KeyMissing], 503),
            (&[Malformed, Accepted, ConsentDenied], 202),
            (&[ConsentDenied, DeniedByGpc], 204),
            (&[ConsentDenied, Malformed], 400),
            (&[Unavailable, Malformed], 503),
            (&[Malformed], 400),
        ];
        for (outcomes, want) in cases {
            assert_eq!(several(outcomes).status().as_u16(), want, "{outcomes:?}");
        }
    }

    #[test]
    fn a_refusal_asks_to_come_back_only_when_that_helps() {
        for outcome in Outcome::ALL {
            let answer = one(outcome);
            let retry = answer.headers().contains_key(RETRY_AFTER);
            assert_eq!(retry, [429, 503].contains(&answer.status().as_u16()), "{outcome:?}");
        }
    }
}
