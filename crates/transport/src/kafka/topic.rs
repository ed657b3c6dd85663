//! The topic: made, or compared with what it should be. An existing one is never changed.

mod admin;
mod wanted;

use std::fmt;

use rdkafka::error::RDKafkaErrorCode as Code;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::{KafkaConfig, KafkaError};
use admin::{Admin, Size};
pub use wanted::Difference;

/// Plans topics.
#[derive(Debug)]
pub enum Topic {}

/// What is to be done about the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicPlan {
    /// There is none: it is to be made.
    Create(NewTopic),
    /// It exists, and differs. Nobody but the operator changes it.
    Differs(Vec<Difference>),
    /// It exists, and is as it should be.
    Fits,
}

/// A topic to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    name: String,
    partitions: u32,
    replication: u16,
    settings: Vec<(&'static str, String)>,
}

// === impl Topic ===

impl Topic {
    /// Compares the topic with the configuration.
    ///
    /// # Errors
    /// The configuration does not fit, or the broker cannot be asked.
    pub async fn plan(config: &KafkaConfig) -> Result<TopicPlan, KafkaError> {
        let config = config.clone();
        blocking(move || plan(&config)).await
    }
}

// === impl TopicPlan ===

impl TopicPlan {
    /// Makes the topic, if it is to be made, and waits until it can be used. One that exists is left as
    /// it is.
    ///
    /// # Errors
    /// The broker refuses.
    pub async fn create(&self, config: &KafkaConfig) -> Result<(), KafkaError> {
        let Self::Create(new) = self.clone() else {
            return Ok(());
        };
        let config = config.clone();
        blocking(move || Admin::new(&config)?.create(&new)).await
    }
}

impl fmt::Display for TopicPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(new) => write!(f, "{new}"),
            Self::Differs(differences) => {
                f.write_str("the topic is not as the configuration says; it is left as it is")?;
                differences.iter().try_for_each(|difference| write!(f, "\n{difference}"))
            }
            Self::Fits => f.write_str("the topic is as the configuration says"),
        }
    }
}

// === impl NewTopic ===

impl fmt::Display for NewTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, partitions, replication, settings } = self;
        write!(f, "make the topic {name}: partitions={partitions} replication={replication}")?;
        settings.iter().try_for_each(|(setting, value)| write!(f, " {setting}={value}"))
    }
}

fn plan(config: &KafkaConfig) -> Result<TopicPlan, KafkaError> {
    const LOOK: &str = "look at the topic";
    let admin = Admin::new(config)?;
    let (partitions, replicas) = match admin.size()? {
        Size::Is { partitions, replicas } => (partitions, replicas),
        Size::Missing => {
            return Ok(TopicPlan::Create(NewTopic {
                name: config.topic.clone(),
                partitions: config.create.partitions.get(),
                replication: config.create.replication.get(),
                settings: wanted::settings(&config.create),
            }));
        }
        Size::NotReady => return Err(KafkaError::of(config, LOOK, Code::LeaderNotAvailable)),
    };
    let settings = admin.settings()?;
    let mut differences = wanted::compare_size(config, partitions, replicas);
    differences.extend(wanted::compare_settings(config, |setting| {
        settings.get(setting).and_then(|entry| entry.value.clone()).unwrap_or_default()
    }));
    if differences.is_empty() {
        return Ok(TopicPlan::Fits);
    }
    Ok(TopicPlan::Differs(differences))
}

/// librdkafka's calls block, and so does ending its threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, KafkaError> {
    Handle::try_current().map_err(|_| KafkaError::Runtime)?;
    spawn_blocking(work).await.unwrap_or(Err(KafkaError::Runtime))
}
