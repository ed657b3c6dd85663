//! The topic is made as the configuration says; one that exists is compared, and never changed.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use candor_tests::Broker;
use candor_transport::kafka::{KafkaConfig, KafkaError, Topic, TopicPlan};
use rdkafka::admin::{AdminOptions, ResourceSpecifier};

use crate::drive::soon;
use crate::support::{create, fresh_with};

/// What the broker says about the topic.
async fn settings(config: &KafkaConfig) -> BTreeMap<String, String> {
    let admin = Broker::shared().admin();
    let topic = ResourceSpecifier::Topic(&config.topic);
    let mut described = soon(admin.describe_configs([&topic], &AdminOptions::new())).await.unwrap();
    let entries = described.remove(0).unwrap().entries;
    entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect()
}

#[tokio::test]
async fn a_missing_topic_is_made_as_the_configuration_says() {
    let mut config = fresh_with(Broker::shared(), 3);
    config.create.retention_hours = NonZeroU32::new(12).unwrap();
    let plan = soon(Topic::plan(&config)).await.unwrap();
    let text = plan.to_string();
    assert!(text.contains(&config.topic) && text.contains("partitions=3"), "{text}");
    assert!(text.contains("retention.ms=43200000"), "{text}");
    soon(plan.create(&config)).await.unwrap();
    soon(plan.create(&config)).await.unwrap(); // somebody else may have the same plan

    let settings = settings(&config).await;
    for (setting, value) in [
        ("cleanup.policy", "delete"),
        ("compression.type", "producer"),
        ("message.timestamp.type", "LogAppendTime"),
        ("min.insync.replicas", "1"),
        ("retention.ms", "43200000"),
        ("segment.ms", "3600000"),
        ("unclean.leader.election.enable", "false"),
    ] {
        assert_eq!(settings.get(setting).map(String::as_str), Some(value), "{setting}");
    }
    let plan = soon(Topic::plan(&config)).await.unwrap();
    assert_eq!(plan, TopicPlan::Fits);
    assert_eq!(plan.to_string(), "the topic is as the configuration says");
}

#[tokio::test]
async fn each_difference_is_named_and_nothing_is_changed() {
    let config = fresh_with(Broker::shared(), 6);
    let other = [
        ("cleanup.policy", "compact"),
        ("compression.type", "gzip"),
        ("message.timestamp.type", "CreateTime"),
        ("min.insync.replicas", "2"),
        ("retention.ms", "1000"),
        ("segment.ms", "60000"),
        ("unclean.leader.election.enable", "true"),
        ("max.message.bytes", "5000"),
    ];
    Broker::shared().create_topic(&config.topic, 2, &other).await;
    let before = settings(&config).await;

    let plan = soon(Topic::plan(&config)).await.unwrap();
    let TopicPlan::Differs(differences) = &plan else {
        panic!("nothing differs: {plan}");
    };
    let named: Vec<_> = differences.iter().map(|it| it.setting.as_str()).collect();
    let mut want: Vec<_> = other.iter().map(|(setting, _)| *setting).collect();
    want.insert(0, "partitions");
    assert_eq!(named, want);
    let text = plan.to_string();
    for (setting, value) in other {
        assert!(text.contains(&format!("{setting} is {value}, should be ")), "{text}");
    }
    assert!(text.contains("--add-config retention.ms=68400000"), "{text}");
    assert!(text.contains("kafka-topics.sh") && text.contains("--partitions 6"), "{text}");

    soon(plan.create(&config)).await.unwrap();
    assert_eq!(settings(&config).await, before);
    assert_eq!(soon(Topic::plan(&config)).await.unwrap(), plan);
}

#[tokio::test]
async fn a_topic_of_one_replica_is_not_taken_for_one_of_three() {
    let mut config = fresh_with(Broker::shared(), 1);
    create(&config).await;
    config.create.replication = 3.try_into().unwrap();
    let plan = soon(Topic::plan(&config)).await.unwrap();
    let text = plan.to_string();
    assert!(text.contains("replication is 1, should be 3: kafka-reassign-partitions.sh"), "{text}");
}

#[tokio::test]
async fn more_replicas_than_brokers_are_refused_with_the_brokers_reason() {
    let mut config = fresh_with(Broker::shared(), 1);
    config.create.replication = 3.try_into().unwrap();
    let plan = soon(Topic::plan(&config)).await.unwrap();
    let error = soon(plan.create(&config)).await.unwrap_err();
    assert!(matches!(error, KafkaError::Request { doing: "make the topic", .. }), "{error:?}");
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_named() {
    let mut config = fresh_with(Broker::shared(), 1);
    config.bootstrap_servers = vec!["127.0.0.1:1".to_owned()];
    let error = soon(Topic::plan(&config)).await.unwrap_err();
    assert!(matches!(error, KafkaError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:1"));
}
