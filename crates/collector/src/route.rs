//! Which request goes where.

use bytes::Bytes;
use candor_event::Outcome;
use candor_pipeline::{Media, Peer, Protocol};
use candor_transport::Producer;
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Body;

use crate::door::{Door, Ran, Refused, Settled};
use crate::inflate::Encoding;
use crate::protocol;
use crate::respond::{self, Answer};
use crate::tally::Duty;

/// Notices may be found, beacons need not.
const ROBOTS: &str = "User-agent: *\nAllow: /privacy/\nDisallow: /\n";

/// Where beacons of ours come in.
const OURS: [&str; 2] = ["/v1/events", "/v1/pixel.gif"];

impl<P: Producer> Door<P> {
    /// Answers one request.
    pub async fn answer<B>(&self, peer: &Peer, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let path = request.uri().path();
        let protocol = protocol::of_path(path);
        if protocol.is_none() && !OURS.contains(&path) {
            return self.other(&request);
        }
        // A copy: a part of the request would keep all of it in memory.
        let origin = request.headers().get(ORIGIN);
        let origin = origin.and_then(|origin| HeaderValue::from_bytes(origin.as_bytes()).ok());
        let mut answer = match protocol {
            Some(protocol) => self.answer_foreign(protocol, peer, request).await,
            None => self.answer_ours(peer, request).await,
        };
        if let Some(origin) = origin
            && self.may_read(&origin, &answer)
        {
            let with_credentials = protocol == Some(Protocol::Matomo);
            respond::let_read(&mut answer, origin, with_credentials);
        }
        answer
    }

    async fn answer_ours<B>(&self, peer: &Peer, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        match (request.uri().path(), request.method()) {
            ("/v1/events", &Method::POST) => self.post(peer, request).await,
            ("/v1/events", &Method::OPTIONS) => respond::preflight(),
            ("/v1/events", _) => respond::not_allowed("POST, OPTIONS"),
            (_, &Method::GET) => self.image(peer, request).await,
            _ => respond::not_allowed("GET"),
        }
    }

    /// Answers what is no beacon.
    fn other<B>(&self, request: &Request<B>) -> Answer {
        match (request.uri().path(), request.method()) {
            ("/robots.txt", &Method::GET) => respond::plain(StatusCode::OK, ROBOTS),
            ("/api/health", &Method::GET | &Method::HEAD) => protocol::health(),
            (_, &Method::GET | &Method::HEAD) => {
                let page = self.page(request.uri(), request.headers());
                page.unwrap_or_else(not_found)
            }
            _ => not_found(),
        }
    }

    /// Whether the page that asked may read the answer. The beacons of a page of the site were admitted as
    /// such; when it never came to that, the page must be of some site that we know.
    fn may_read(&self, origin: &HeaderValue, answer: &Answer) -> bool {
        match respond::outcome(answer) {
            Some(Outcome::HostDenied) => false,
            Some(outcome) if outcome.is_of_policy() => true,
            _ => self.allows_origin(origin),
        }
    }

    async fn image<B>(&self, peer: &Peer, request: Request<B>) -> Answer {
        let mut duty = self.tally().request();
        if let Err(wait) = self.hear(peer, request.headers()) {
            return refuse(wait.into(), &mut duty);
        }
        let query = request.uri().query().unwrap_or_default();
        let results = self.run_pixel(peer, request.headers(), query);
        drop(request);
        let settled = self.settle(results, &mut duty).await;
        let outcome = settled.outcomes.first().copied().unwrap_or(Outcome::Malformed);
        respond::waiting(respond::pixel(outcome), settled.wait)
    }

    async fn post<B>(&self, peer: &Peer, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut duty = self.tally().request();
        let Ran { results, is_single } = match self.read_and_run(peer, request, &mut duty).await {
            Ok(ran) => ran,
            Err(refused) => return refuse(refused, &mut duty),
        };
        let Settled { outcomes, wait } = self.settle(results, &mut duty).await;
        let answer = match outcomes.first() {
            Some(outcome) if is_single => respond::one(*outcome),
            _ => respond::several(&outcomes),
        };
        respond::waiting(answer, wait)
    }

    /// Reads a request to its end and lets go of it.
    async fn read_and_run<B>(
        &self,
        peer: &Peer,
        request: Request<B>,
        duty: &mut Duty<'_>,
    ) -> Result<Ran, Refused>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (head, body) = request.into_parts();
        let client = self.hear(peer, &head.headers)?;
        let encoding = Encoding::of(&head.headers)?;
        let named = head.headers.get(CONTENT_TYPE);
        let media = Media::of_content_type(named.map(|value| value.to_str().unwrap_or("")))?;
        let body = self.bodies.read(encoding, body).await?;
        self.run(client, peer, &head.headers, media, &body, duty)
    }
}

/// Tells that nothing of a request was run.
fn refuse(Refused { outcome, wait }: Refused, duty: &mut Duty<'_>) -> Answer {
    duty.tell_all(outcome);
    respond::waiting(respond::one(outcome), wait)
}

fn not_found() -> Answer {
    respond::plain(StatusCode::NOT_FOUND, "not found\n")
}
