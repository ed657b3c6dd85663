//! The topic, for those who may make it.

use anyhow::{Result, bail};
use candor_transport::kafka::{KafkaConfig, Topic, TopicPlan};

/// Makes the topic when there is none, and refuses one that is not what the configuration says.
pub(crate) async fn ensure(kafka: &KafkaConfig) -> Result<()> {
    let plan = Topic::plan(kafka).await?;
    match &plan {
        TopicPlan::Fits => Ok(()),
        TopicPlan::Differs(_) => refuse(&plan),
        TopicPlan::Create(_) => {
            tracing::info!(topic = kafka.topic, "making the topic");
            Ok(plan.create(kafka).await?)
        }
    }
}

/// Says what differs. Nothing is changed silently: a topic may be used by others, too.
pub(crate) fn refuse(plan: &TopicPlan) -> Result<()> {
    bail!("{plan}")
}
