//! Whether the process can do its work: the log and the store that it needs are there, and it was not
//! asked to stop.
//!
//! They are asked whenever somebody asks us, and every few seconds when nobody does. What goes and comes
//! back is told in the log once, not per request.

use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use candor_store::Store;
use candor_transport::kafka::{KafkaError, KafkaHealth};
use tokio::time::timeout;

use crate::front::Keys;
use crate::stop::Stop;

/// The log, as far as it can be away.
pub(crate) trait LogHealth: Send + Sync + 'static {
    /// Whether it is there; otherwise why not, in words.
    fn check(&self) -> impl Future<Output = Result<(), String>> + Send;

    /// Whether events are taken although it is away.
    fn takes_events(&self) -> bool {
        false
    }
}

/// What is asked, and what was told last.
#[derive(Debug)]
pub(crate) struct Readiness<H> {
    log: H,
    store: Option<Store>,
    keys: Option<Keys>,
    stop: Stop,
    told: Mutex<Away>,
}

/// Why the process is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotReady {
    Away(Away),
    Stopping,
}

/// What is away, and why; nothing when both are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Away {
    log: Option<String>,
    store: Option<String>,
    keys: Option<String>,
}

/// A part that does not answer within this time is away.
const ANSWER_DEADLINE: Duration = Duration::from_millis(2_500);
/// How often the parts are asked when nobody asks us.
const WATCH_EVERY: Duration = Duration::from_secs(5);

// === impl Readiness ===

impl<H: LogHealth> Readiness<H> {
    /// The readiness of a process that needs this log, and this store if any.
    pub(crate) fn new(log: H, store: Option<Store>, stop: Stop) -> Self {
        Self { log, store, keys: None, stop, told: Mutex::default() }
    }

    /// It needs a key as well.
    pub(crate) fn with_keys(self, keys: Keys) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// Whether everything is there.
    pub(crate) async fn now(&self) -> Result<(), NotReady> {
        if self.stop.is_requested() {
            return Err(NotReady::Stopping);
        }
        let (log, store) = tokio::join!(self.ask_log(), self.ask_store());
        let keys = self.keys.as_ref().and_then(|keys| keys.check().err());
        let away = Away { log, store, keys };
        self.tell(&away);
        let log_is_missed = away.log.is_some() && !self.log.takes_events();
        let is_away = log_is_missed || away.store.is_some() || away.keys.is_some();
        if is_away { Err(NotReady::Away(away)) } else { Ok(()) }
    }

    /// Asks again and again. Never returns.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut tick = tokio::time::interval(WATCH_EVERY);
        loop {
            tick.tick().await;
            // Whatever it is, it has been told.
            self.now().await.ok();
        }
    }

    async fn ask_log(&self) -> Option<String> {
        match timeout(ANSWER_DEADLINE, self.log.check()).await {
            Ok(answer) => answer.err(),
            Err(_) => Some("the log does not answer in time".to_owned()),
        }
    }

    async fn ask_store(&self) -> Option<String> {
        match timeout(ANSWER_DEADLINE, self.store.as_ref()?.ping()).await {
            Ok(answer) => answer.err().map(|error| error.to_string()),
            Err(_) => Some("ClickHouse does not answer in time".to_owned()),
        }
    }

    /// Tells what has changed since it was told last.
    fn tell(&self, away: &Away) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        tell("log", told.log.as_ref(), away.log.as_ref());
        if self.store.is_some() {
            tell("store", told.store.as_ref(), away.store.as_ref());
        }
        if self.keys.is_some() {
            tell("keys", told.keys.as_ref(), away.keys.as_ref());
        }
        told.clone_from(away);
    }
}

fn tell(part: &'static str, before: Option<&String>, now: Option<&String>) {
    metrics::gauge!("candor_part_ready", "part" => part).set(if now.is_none() { 1.0 } else { 0.0 });
    match (before, now) {
        (None, Some(reason)) => tracing::warn!(part, reason, "a part is away"),
        (Some(_), None) => tracing::info!(part, "a part is back"),
        (None, None) | (Some(_), Some(_)) => {}
    }
}

impl LogHealth for KafkaHealth {
    async fn check(&self) -> Result<(), String> {
        Self::check(self).await.map_err(|error| in_words(&error))
    }
}

/// An error with its causes, in one line.
pub(crate) fn in_words(error: &KafkaError) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

impl Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopping => f.write_str("stopping"),
            Self::Away(Away { log, store, keys }) => {
                let reasons: Vec<_> =
                    [log, store, keys].into_iter().flatten().map(String::as_str).collect();
                f.write_str(&reasons.join("\n"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use candor_event::{Clock, ManualClock, Timestamp};
    use candor_pipeline::{KeyPeriod, KeyRing, KeySource};

    use super::*;

    #[derive(Clone, Default)]
    struct Switch(Arc<AtomicBool>);

    /// Away, with something that takes events meanwhile, or not.
    #[derive(Clone, Default)]
    struct Spill(Arc<AtomicBool>);

    impl LogHealth for Switch {
        async fn check(&self) -> Result<(), String> {
            if self.0.load(Ordering::SeqCst) { Ok(()) } else { Err("no broker".to_owned()) }
        }
    }

    impl LogHealth for Spill {
        async fn check(&self) -> Result<(), String> {
            Err("no broker".to_owned())
        }

        fn takes_events(&self) -> bool {
            self.0.load(Ordering::SeqCst)
        }
    }

    struct Silent;

    impl LogHealth for Silent {
        async fn check(&self) -> Result<(), String> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn it_follows_the_log() {
        let log = Switch::default();
        let readiness = Readiness::new(log.clone(), None, Stop::on_signal().unwrap());
        for is_there in [false, true, false] {
            log.0.store(is_there, Ordering::SeqCst);
            let now = readiness.now().await.map_err(|reason| reason.to_string());
            assert_eq!(now, if is_there { Ok(()) } else { Err("no broker".to_owned()) });
        }
    }

    #[tokio::test]
    async fn a_log_that_is_away_is_not_missed_while_events_are_taken() {
        let log = Spill::default();
        let readiness = Readiness::new(log.clone(), None, Stop::on_signal().unwrap());
        for takes_events in [false, true, false] {
            log.0.store(takes_events, Ordering::SeqCst);
            assert_eq!(readiness.now().await.is_ok(), takes_events);
            let told = readiness.told.lock().unwrap().log.clone();
            assert_eq!(told.as_deref(), Some("no broker"), "it is told all the same");
        }
    }

    #[tokio::test]
    async fn every_part_that_is_away_is_named() {
        let nobody = candor_store::Config {
            url: "http://127.0.0.1:1".to_owned(),
            ..candor_store::Config::default()
        };
        let store = Store::new(&nobody);
        let readiness = Readiness::new(Silent, Some(store), Stop::on_signal().unwrap());
        let reason = readiness.now().await.unwrap_err().to_string();
        assert!(reason.contains("the log does not answer") && reason.contains("ClickHouse"));
        assert_eq!(reason.lines().count(), 2, "{reason}");
    }

    #[tokio::test]
    async fn who_has_no_key_is_not_ready() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix(1_790_000_000)));
        let keys = |source| {
            let ring = KeyRing::of(source, KeyPeriod::default(), None);
            Keys::new(Arc::new(ring), Arc::clone(&clock) as Arc<dyn Clock>)
        };
        let log = Switch::default();
        log.0.store(true, Ordering::SeqCst);
        let stop = Stop::on_signal().unwrap();
        let (leads, follows) = (keys(KeySource::Leads), keys(KeySource::Follows));
        let ready =
            |keys: &Keys| Readiness::new(log.clone(), None, stop.clone()).with_keys(keys.clone());
        assert_eq!(ready(&leads).now().await, Ok(()));
        let reason = ready(&follows).now().await.unwrap_err().to_string();
        assert!(reason.contains("the leader of the fleet has handed out no key"), "{reason}");
        let handed = leads.ring().handover(clock.now()).unwrap();
        follows.ring().take_over(handed.as_ref(), clock.now()).unwrap();
        assert_eq!(ready(&follows).now().await, Ok(()));
    }
}
