//! What happens to beacons between the request and the answer.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use candor_event::{Clock, EventId, Outcome, Purpose};
use candor_pipeline::{
    Call, Head, Import, Kept, Media, Peer, Pipeline, Protocol, RawBeacons, Rejection, Reply,
    TrustedProxies,
};
use candor_transport::{Outgoing, ProduceError, Producer};
use http::{HeaderMap, StatusCode, Uri};

use crate::body::Bodies;
use crate::limit::ANSWER_DEADLINE;
use crate::respond::{self, Answer};
use crate::tally::{Duty, Tally};

/// Takes beacons in, whatever they come by.
pub struct Door<P> {
    pipeline: Pipeline,
    producer: P,
    clock: Arc<dyn Clock>,
    trusted: TrustedProxies,
    tally: Tally,
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

/// The outcomes of a request's beacons, in their order.
pub(crate) enum Fate {
    /// Of the only beacon.
    One(Outcome),
    /// Of each.
    Several(Vec<Outcome>),
}

impl<P> std::fmt::Debug for Door<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("tally", &self.tally).finish_non_exhaustive()
    }
}

impl<P: Producer> Door<P> {
    /// A door before this pipeline and log.
    pub fn new(
        pipeline: Pipeline,
        producer: P,
        clock: Arc<dyn Clock>,
        trusted: TrustedProxies,
    ) -> Self {
        Self {
            pipeline,
            producer,
            clock,
            trusted,
            tally: Tally::default(),
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
        self.pipeline.event_id(site, client_id, self.clock.now())
    }

    /// What is served at a place, beside beacons.
    pub(crate) fn page(&self, place: &Uri, headers: &HeaderMap) -> Option<Answer> {
        if let Some(Page { content_type, body, shared }) = self.files.get(place.path()) {
            let answer = respond::content(StatusCode::OK, content_type, body.clone());
            return Some(if *shared { respond::shared(answer) } else { answer });
        }
        self.pages.as_ref()?.page(place, headers)
    }

    /// Takes the beacons of a request's body.
    pub(crate) async fn beacons(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
        media: Media,
        body: &[u8],
        duty: &mut Duty<'_>,
    ) -> Fate {
        let raw = match RawBeacons::split(body, media) {
            Ok(raw) => raw,
            Err(rejection) => return one(duty, rejection.outcome()),
        };
        let results: Vec<_> = {
            let head = Head::read(peer, headers, &self.trusted);
            let now = self.clock.now();
            raw.iter().map(|raw| self.pipeline.run(raw, &head, now)).collect()
        };
        duty.receive(results.len() as u64 - 1);
        let is_single = raw.is_single();
        let outcomes = self.settle(results, duty).await;
        match outcomes.first() {
            Some(outcome) if is_single => Fate::One(*outcome),
            _ => Fate::Several(outcomes),
        }
    }

    /// Takes the beacon that a pixel's query is.
    pub(crate) async fn pixel(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
        query: &str,
        duty: &mut Duty<'_>,
    ) -> Outcome {
        let result = {
            let head = Head::read(peer, headers, &self.trusted);
            self.pipeline.run_pixel(query, &head, self.clock.now())
        };
        let outcomes = self.settle(vec![result], duty).await;
        outcomes.first().copied().unwrap_or(Outcome::Malformed)
    }

    /// Takes the beacons of a request in another product's protocol; says, too, how to answer.
    pub(crate) async fn foreign(
        &self,
        protocol: Protocol,
        peer: &Peer,
        headers: &HeaderMap,
        call: Call<'_>,
        duty: &mut Duty<'_>,
    ) -> (Reply, Vec<Outcome>) {
        let (reply, results) = {
            let head = Head::read(peer, headers, &self.trusted);
            self.pipeline.run_foreign(protocol, call, &head, self.clock.now())
        };
        duty.receive(results.len() as u64 - 1);
        (reply, self.settle(results, duty).await)
    }

    /// Takes lines of an access log.
    pub(crate) async fn lines(&self, lines: &[Bytes], import: &Import) -> Vec<Outcome> {
        if lines.is_empty() {
            return Vec::new();
        }
        let mut duty = self.tally.request();
        duty.receive(lines.len() as u64 - 1);
        let now = self.clock.now();
        let results = lines.iter().map(|line| self.pipeline.run_line(line, import, now)).collect();
        self.settle(results, &mut duty).await
    }

    /// Makes what is kept durable, and tells every outcome. A failing log fails the whole request:
    /// sending it again is safe.
    async fn settle(
        &self,
        results: Vec<Result<Kept, Rejection>>,
        duty: &mut Duty<'_>,
    ) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(results.len());
        let mut events = Vec::new();
        for result in results {
            match result {
                Ok(Kept { id, record }) => {
                    outcomes.push(Outcome::Accepted);
                    events.push(Outgoing { id, record });
                }
                Err(rejection) => outcomes.push(rejection.outcome()),
            }
        }
        let failed = if events.is_empty() { None } else { self.produce(events).await.err() };
        if let Some(outcome) = failed {
            for accepted in outcomes.iter_mut().filter(|o| **o == Outcome::Accepted) {
                *accepted = outcome;
            }
        }
        for outcome in &outcomes {
            duty.tell(*outcome, 1);
        }
        outcomes
    }

    async fn produce(&self, events: Vec<Outgoing>) -> Result<(), Outcome> {
        let produced = tokio::time::timeout(ANSWER_DEADLINE, self.producer.produce(events)).await;
        match produced {
            Ok(Ok(())) => Ok(()),
            Ok(Err(ProduceError::TooLarge)) => Err(Outcome::TooLarge),
            Ok(Err(ProduceError::Full | ProduceError::Unavailable)) | Err(_) => {
                Err(Outcome::Unavailable)
            }
        }
    }
}

fn one(duty: &mut Duty<'_>, outcome: Outcome) -> Fate {
    duty.tell(outcome, 1);
    Fate::One(outcome)
}
