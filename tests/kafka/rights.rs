//! What each user of Kafka may do, as `docker/kafka/acls.sh` says: its work, and nothing else.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use candor_tests::Broker;
use candor_transport::kafka::{
    KafkaConfig, KafkaConsumer, KafkaError, KafkaProducer, Topic, standing,
};
use candor_transport::{Committer, Consumer, Cursor, Delivery, Producer};

use crate::drive::{events, flat, read, soon};
use crate::security::{broker_of, directory, secure};
use crate::support::{STALL_MAX, create, next, start};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs the script as its reader would, with a stand-in for Kafka's own tool.
fn grant(broker: &Broker, config: &KafkaConfig) {
    let dir = directory(broker);
    let (jars, acls) = (root().join("third_party/kafka/*"), root().join("tests/kafka/Acls.java"));
    let tool = dir.join("kafka-acls.sh");
    let run =
        format!("#!/bin/sh\nexec java -cp '{}' '{}' \"$@\"\n", jars.display(), acls.display());
    std::fs::write(&tool, run).unwrap();
    std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o755)).unwrap();
    // The open listener's clients may do everything.
    std::fs::write(dir.join("admin.properties"), "").unwrap();
    let path = format!("{}:{}", dir.display(), std::env::var("PATH").unwrap());
    let run = Command::new(root().join("docker/kafka/acls.sh"))
        .env("PATH", path)
        .args([&broker.address(), &dir.join("admin.properties").display().to_string()])
        .args([&config.topic, &config.group])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_can_do_its_work_and_nothing_else() {
    let users = ["auditor", "collector", "migrator", "sink"];
    let users = users.map(|user| format!("user_candor-{user}=\"open sesame\"")).join(" ");
    let authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
    let more = [("authorizer.class.name", authorizer), ("super.users", "User:ANONYMOUS")];
    let broker = broker_of(&users, &more);
    let config = secure(&broker);
    tokio::task::block_in_place(|| grant(&broker, &config));
    let user = |name: &str| {
        let mut config = config.clone();
        config.security.username = Some(format!("candor-{name}"));
        config
    };

    create(&user("migrator")).await;
    let producer = start(&user("collector")).await;
    soon(producer.produce(events([1]))).await.unwrap();
    let mut consumer = KafkaConsumer::start(&user("sink"), STALL_MAX).unwrap();
    assert!(matches!(next(&mut consumer).await, Delivery::Assigned { .. }));
    assert_eq!(flat(&read(&mut consumer, 1).await), [1]);
    soon(consumer.health().check()).await.unwrap();
    let cursor = Cursor { offset: 1, ..Cursor::default() };
    soon(consumer.committer().commit(0, cursor)).await.unwrap();
    soon(standing(&user("auditor"))).await.unwrap();

    let is_denied = |error: &KafkaError| matches!(error, KafkaError::Denied { .. });
    for name in ["auditor", "collector", "migrator"] {
        let mut spy = KafkaConsumer::start(&user(name), STALL_MAX).unwrap();
        let error = soon(spy.next()).await.unwrap_err();
        let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(why.contains("does not allow it"), "{name} reads: {error}: {why}");
    }
    let mut other = user("sink");
    other.topic.push_str("-other");
    let error = soon(async { Topic::plan(&other).await?.create(&other).await }).await.unwrap_err();
    assert!(is_denied(&error), "a sink makes topics: {error}");
    let error = soon(KafkaProducer::start(&other).unwrap().check()).await.unwrap_err();
    assert!(is_denied(&error), "another topic: {error}");
}
