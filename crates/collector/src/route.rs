//! Which request goes where.

use bytes::Bytes;
use candor_event::Outcome;
use candor_pipeline::{Media, Peer};
use candor_transport::Producer;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{Method, Request, StatusCode};
use hyper::body::Body;

use crate::door::{Door, Fate};
use crate::protocol;
use crate::respond::{self, Answer};

/// Notices may be found, beacons need not.
const ROBOTS: &str = "User-agent: *\nAllow: /privacy/\nDisallow: /\n";

impl<P: Producer> Door<P> {
    /// Answers one request.
    pub async fn answer<B>(&self, peer: &Peer, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if let Some(protocol) = protocol::of_path(request.uri().path()) {
            return self.answer_foreign(protocol, peer, request).await;
        }
        match (request.uri().path(), request.method()) {
            ("/v1/events", &Method::POST) => self.post(peer, request).await,
            ("/v1/events", &Method::OPTIONS) => respond::preflight(),
            ("/v1/events", _) => respond::not_allowed("POST, OPTIONS"),
            ("/v1/pixel.gif", &Method::GET) => {
                let query = request.uri().query().unwrap_or_default();
                let mut duty = self.tally().request();
                let outcome = self.pixel(peer, request.headers(), query, &mut duty).await;
                respond::pixel(outcome)
            }
            ("/v1/pixel.gif", _) => respond::not_allowed("GET"),
            ("/robots.txt", &Method::GET) => respond::plain(StatusCode::OK, ROBOTS),
            (_, &Method::GET | &Method::HEAD) => {
                let page = self.page(request.uri(), request.headers());
                page.unwrap_or_else(not_found)
            }
            _ => not_found(),
        }
    }

    async fn post<B>(&self, peer: &Peer, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut duty = self.tally().request();
        let mut refuse = |outcome: Outcome| {
            duty.tell(outcome, 1);
            respond::one(outcome)
        };
        let (head, body) = request.into_parts();
        if head.headers.contains_key(CONTENT_ENCODING) {
            return refuse(Outcome::UnsupportedMedia);
        }
        let content_type = head.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or(""));
        let media = match Media::of_content_type(content_type) {
            Ok(media) => media,
            Err(rejection) => return refuse(rejection.outcome()),
        };
        let body = match self.bodies.read(body).await {
            Ok(body) => body,
            Err(rejection) => return refuse(rejection.outcome()),
        };
        match self.beacons(peer, &head.headers, media, &body, &mut duty).await {
            Fate::One(outcome) => respond::one(outcome),
            Fate::Several(outcomes) => respond::several(&outcomes),
        }
    }
}

fn not_found() -> Answer {
    respond::plain(StatusCode::NOT_FOUND, "not found\n")
}
