//! What happens to beacons between the request and the answer.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use candor_event::{Clock, EventId, Outcome, Purpose, Site};
use candor_pipeline::{
    Call, Head, Import, Kept, Mark, Media, Peer, Pipeline, Protocol, RawBeacons, Rejection, Reply,
    TrustedProxies,
};
use candor_transport::{Outgoing, ProduceError, Producer};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use tokio::time::Instant;

use crate::body::Bodies;
use crate::config::Config;
use crate::respond::{self, Answer};
use crate::tally::{Duty, Tally};
use crate::throttle::{Throttle, Wait};

/// Takes beacons in, whatever they come by.
pub struct Door<P> {
    pipeline: Pipeline,
    producer: P,
    clock: Arc<dyn Clock>,
    trusted: TrustedProxies,
    tally: Tally,
    throttle: Throttle,
    files: HashMap<String, Page>,
    pages: Option<Arc<dyn Pages>>,
    pub(crate) bodies: Bodies,
}

/// A file that is served beside the routes for beacons.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its content type.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: Bytes,
    /// Whether it is for the pages of websites: any of them may read it, and browsers keep it for a day.
    pub shared: bool,
}

/// Pages that are made when they are asked for.
pub trait Pages: Send + Sync {
    /// Answers a GET of this place; `None` when there is nothing. Of an answer to HEAD, only the head is
    /// sent.
    fn page(&self, place: &Uri, headers: &HeaderMap) -> Option<Answer>;
}

/// What the pipeline made of a request's beacons, in their order.
pub(crate) type Results = Vec<Result<Kept, Rejection>>;

/// What it made of a body of ours.
pub(crate) struct Ran {
    pub(crate) results: Results,
    /// Whether the request was one beacon, and no list of one.
    pub(crate) is_single: bool,
}

/// Why nothing of a request was run, and how long to wait.
pub(crate) struct Refused {
    pub(crate) outcome: Outcome,
    pub(crate) wait: Option<Wait>,
}

/// The outcomes of beacons, and how long those that are refused for their number should wait.
pub(crate) struct Settled {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) wait: Option<Wait>,
}

/// What is kept of a beacon.
struct Accepted {
    /// Its place in the request.
    at: usize,
    site: Site,
    event: Outgoing,
}

/// Who sends beacons, for counting.
#[derive(Clone, Copy)]
pub(crate) struct Client(Option<Mark>);

impl<P> std::fmt::Debug for Door<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("tally", &self.tally).finish_non_exhaustive()
    }
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self { outcome: rejection.outcome(), wait: None }
    }
}

impl From<Wait> for Refused {
    fn from(wait: Wait) -> Self {
        Self { outcome: Outcome::RateLimited, wait: Some(wait) }
    }
}

impl<P: Producer> Door<P> {
    /// A door before this pipeline and log.
    pub fn new(pipeline: Pipeline, producer: P, clock: Arc<dyn Clock>, config: &Config) -> Self {
        let trusted = config.trusted_proxies.clone().saying_in(config.trusted_header);
        Self {
            pipeline,
            producer,
            clock,
            trusted,
            tally: Tally::default(),
            throttle: Throttle::new(&config.limits, Instant::now()),
            files: HashMap::new(),
            pages: None,
            bodies: Bodies::default(),
        }
    }

    /// Serves a file as well.
    #[must_use]
    pub fn with_page(mut self, path: impl Into<String>, page: Page) -> Self {
        self.files.insert(path.into(), page);
        self
    }

    /// Serves pages as well.
    #[must_use]
    pub fn with_pages(mut self, pages: Arc<dyn Pages>) -> Self {
        self.pages = Some(pages);
        self
    }

    /// What makes beacons into events.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// What was heard, and what became of it.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The purposes of a site's policy; none when no policy names the site.
    pub fn purposes(&self, site: &str) -> Vec<Purpose> {
        self.pipeline.purposes(site)
    }

    /// The event id that a beacon of this site with this client id gets now.
    ///
    /// # Errors
    /// The [`Rejection`] that such a beacon would meet.
    pub fn event_id(&self, site: &str, client_id: &str) -> Result<EventId, Rejection> {
        self.pipeline.event_id(site, client_id)
    }

    /// Stands for the network that a connection comes from.
    pub(crate) fn mark_of_peer(&self, peer: &Peer) -> Option<Mark> {
        self.pipeline.mark_of_peer(peer, &self.trusted, self.clock.now())
    }

    /// Whether the pages of this origin may send beacons for any site.
    pub(crate) fn allows_origin(&self, origin: &HeaderValue) -> bool {
        self.pipeline.allows_origin(origin)
    }

    /// Hears a client, for one beacon at first.
    pub(crate) fn hear(&self, peer: &Peer, headers: &HeaderMap) -> Result<Client, Wait> {
        let now = self.clock.now();
        let mark = self.pipeline.mark_of_request(peer, headers, &self.trusted, now);
        self.throttle.network(mark, 1, Instant::now()).map(|()| Client(mark))
    }

    /// Hears it for all of its beacons.
    fn hear_all(&self, client: Client, beacons: usize) -> Result<(), Wait> {
        if beacons <= 1 {
            return Ok(());
        }
        self.throttle.rest_of_request(client.0, beacons, Instant::now())
    }

    /// What is served at a place, beside beacons.
    pub(crate) fn page(&self, place: &Uri, headers: &HeaderMap) -> Option<Answer> {
        if let Some(Page { content_type, body, shared }) = self.files.get(place.path()) {
            let answer = respond::content(StatusCode::OK, content_type, body.clone());
            return Some(if *shared { respond::shared(answer) } else { answer });
        }
        self.pages.as_ref()?.page(place, headers)
    }

    /// Runs the beacons of a request's body. Afterwards nothing of the request is needed, and whoever waits for
    /// the log should hold none of it: while many wait, that is what memory and caches are full of.
    ///
    /// # Errors
    /// [`Refused`], for all of them.
    pub(crate) fn run(
        &self,
        client: Client,
        peer: &Peer,
        headers: &HeaderMap,
        media: Media,
        body: &[u8],
        duty: &mut Duty<'_>,
    ) -> Result<Ran, Refused> {
        let raw = RawBeacons::split(body, media)?;
        let beacons = raw.iter().count();
        duty.receive(beacons as u64 - 1);
        self.hear_all(client, beacons)?;
        let head = Head::read(peer, headers, &self.trusted);
        let now = self.clock.now();
        let results = raw.iter().map(|raw| self.pipeline.run(raw, &head, now)).collect();
        Ok(Ran { results, is_single: raw.is_single() })
    }

    /// Runs the beacon that a pixel's query is.
    pub(crate) fn run_pixel(&self, peer: &Peer, headers: &HeaderMap, query: &str) -> Results {
        let head = Head::read(peer, headers, &self.trusted);
        vec![self.pipeline.run_pixel(query, &head, self.clock.now())]
    }

    /// Runs the beacons of a request in another product's protocol; says, too, how to answer.
    ///
    /// # Errors
    /// [`Refused`], for all of them.
    pub(crate) fn run_foreign(
        &self,
        protocol: Protocol,
        client: Client,
        peer: &Peer,
        headers: &HeaderMap,
        call: Call<'_>,
        duty: &mut Duty<'_>,
    ) -> Result<(Reply, Results), Refused> {
        let head = Head::read(peer, headers, &self.trusted);
        let (reply, results) = self.pipeline.run_foreign(protocol, call, &head, self.clock.now());
        duty.receive(results.len() as u64 - 1);
        self.hear_all(client, results.len())?;
        Ok((reply, results))
    }

    /// Takes lines of an access log. They are the operator's, and nobody counts them.
    pub(crate) async fn lines(&self, lines: &[Bytes], import: &Import) -> Vec<Outcome> {
        if lines.is_empty() {
            return Vec::new();
        }
        let mut duty = self.tally.request();
        duty.receive(lines.len() as u64 - 1);
        let now = self.clock.now();
        let results = lines.iter().map(|line| self.pipeline.run_line(line, import, now)).collect();
        let (mut outcomes, events) = sorted(results);
        let events = events.into_iter().map(|accepted| accepted.event).collect();
        self.make_durable(events, &mut outcomes, &mut duty).await;
        outcomes
    }

    /// Makes what is kept durable, and tells every outcome. Of a site that sends too much, nothing of the
    /// request is kept; a failing log fails the whole request: sending it again is safe.
    pub(crate) async fn settle(&self, results: Results, duty: &mut Duty<'_>) -> Settled {
        let (mut outcomes, mut kept) = sorted(results);
        kept.sort_by(|one, other| one.site.cmp(&other.site));
        let now = Instant::now();
        let mut places = self.throttle.enter(now);
        let mut wait = None;
        for of_site in kept.chunk_by(|one, other| one.site == other.site) {
            let Some(Accepted { site, .. }) = of_site.first() else {
                continue;
            };
            let Err(longer) = self.throttle.site(site, of_site.len(), &mut places, now) else {
                continue;
            };
            wait = wait.max(Some(longer));
            for refused in of_site {
                if let Some(outcome) = outcomes.get_mut(refused.at) {
                    *outcome = Outcome::RateLimited;
                }
            }
        }
        let is_accepted = |it: &Accepted| outcomes.get(it.at) == Some(&Outcome::Accepted);
        let events: Vec<_> = kept.into_iter().filter(is_accepted).map(|it| it.event).collect();
        let waits = !events.is_empty();
        self.make_durable(events, &mut outcomes, duty).await;
        if waits {
            places.leave(Instant::now());
        }
        Settled { outcomes, wait }
    }

    /// Tells all outcomes, once what was accepted is durable, or is not.
    async fn make_durable(
        &self,
        events: Vec<Outgoing>,
        outcomes: &mut [Outcome],
        duty: &mut Duty<'_>,
    ) {
        let failed = if events.is_empty() {
            None
        } else {
            self.produce(events, duty.deadline()).await.err()
        };
        if let Some(outcome) = failed {
            for accepted in outcomes.iter_mut().filter(|o| **o == Outcome::Accepted) {
                *accepted = outcome;
            }
        }
        for outcome in &*outcomes {
            duty.tell(*outcome, 1);
        }
    }

    async fn produce(&self, events: Vec<Outgoing>, deadline: Instant) -> Result<(), Outcome> {
        let produced = tokio::time::timeout_at(deadline, self.producer.produce(events)).await;
        match produced {
            Ok(Ok(())) => Ok(()),
            Ok(Err(ProduceError::TooLarge)) => Err(Outcome::TooLarge),
            Ok(Err(ProduceError::Full | ProduceError::Unavailable)) | Err(_) => {
                Err(Outcome::Unavailable)
            }
        }
    }
}

/// The outcomes so far, and what is kept, in the same order.
fn sorted(results: Results) -> (Vec<Outcome>, Vec<Accepted>) {
    let mut outcomes = Vec::with_capacity(results.len());
    let mut accepted = Vec::with_capacity(results.len());
    for (at, result) in results.into_iter().enumerate() {
        match result {
            Ok(Kept { id, record, site }) => {
                outcomes.push(Outcome::Accepted);
                accepted.push(Accepted { at, site, event: Outgoing { id, record } });
            }
            Err(rejection) => outcomes.push(rejection.outcome()),
        }
    }
    (outcomes, accepted)
}
