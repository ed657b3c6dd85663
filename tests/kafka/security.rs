//! TLS and a login: whoever asks for them gets them checked.

use std::path::{Path, PathBuf};
use std::process::Command;

use candor_tests::Broker;
use candor_transport::kafka::{
    KafkaConfig, KafkaConsumer, KafkaError, KafkaProducer, Mechanism, Protocol, Security, Topic,
};
use candor_transport::{Consumer, Delivery, Producer};

use crate::drive::{events, flat, read, soon};
use crate::support::{STALL_MAX, create, fresh, next, start};

/// A broker whose second listener wants TLS and a password. Its certificate names `localhost` alone.
fn broker() -> Broker {
    broker_of("user_candor=\"open sesame\"", &[])
}

/// The same with these users, and more settings.
pub(crate) fn broker_of(users: &str, more: &[(&str, &str)]) -> Broker {
    let login = "org.apache.kafka.common.security.plain.PlainLoginModule required";
    let login = format!("{login} {users};");
    let dir = tempfile::tempdir().unwrap().keep();
    certify(&dir, "broker");
    certify(&dir, "stranger");
    let settings = [
        (
            "listeners",
            "PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller},\
                 SASL_SSL://127.0.0.1:{second}",
        ),
        ("advertised.listeners", "PLAINTEXT://127.0.0.1:{clients},SASL_SSL://localhost:{second}"),
        (
            "listener.security.protocol.map",
            "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
        ),
        ("ssl.keystore.type", "PKCS12"),
        ("ssl.keystore.location", "{dir}/broker.p12"),
        ("ssl.keystore.password", "changeit"),
        ("sasl.enabled.mechanisms", "PLAIN"),
        ("listener.name.sasl_ssl.plain.sasl.jaas.config", &login),
    ];
    Broker::start_in(dir, &[&settings, more].concat())
}

/// Makes a key with a certificate that it signs itself: `name.p12`, and `name.pem` for those who trust it.
fn certify(dir: &Path, name: &str) {
    let keytool = |args: &[&str]| {
        let mut command = Command::new("keytool");
        command.args(args).args(["-alias", name, "-storepass", "changeit", "-keystore"]);
        let run = command.arg(dir.join(format!("{name}.p12"))).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
        run.stdout
    };
    keytool(&[
        "-genkeypair",
        "-keyalg",
        "EC",
        "-dname",
        "CN=localhost",
        "-ext",
        "SAN=dns:localhost",
        "-validity",
        "3650",
        "-storetype",
        "PKCS12",
    ]);
    let pem = keytool(&["-exportcert", "-rfc"]);
    std::fs::write(dir.join(format!("{name}.pem")), pem).unwrap();
}

pub(crate) fn directory(broker: &Broker) -> PathBuf {
    broker.log_dir().parent().unwrap().to_owned()
}

pub(crate) fn secure(broker: &Broker) -> KafkaConfig {
    let password_file = directory(broker).join("password");
    std::fs::write(&password_file, "open sesame\n").unwrap();
    KafkaConfig {
        bootstrap_servers: vec![format!("localhost:{}", broker.second_port())],
        security: Security {
            protocol: Protocol::SaslSsl,
            ca_file: Some(directory(broker).join("broker.pem")),
            mechanism: Some(Mechanism::Plain),
            username: Some("candor".to_owned()),
            password_file: Some(password_file),
            ..Security::default()
        },
        ..fresh(broker)
    }
}

async fn refusal(config: &KafkaConfig) -> KafkaError {
    let producer = KafkaProducer::start(config).unwrap();
    soon(producer.check()).await.unwrap_err()
}

#[tokio::test]
async fn with_tls_and_a_password_everything_works_and_nobody_else_gets_in() {
    let broker = broker();
    let config = secure(&broker);
    create(&config).await;
    let producer = start(&config).await;
    soon(producer.produce(events([1]))).await.unwrap();
    let mut consumer = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    assert!(matches!(next(&mut consumer).await, Delivery::Assigned { .. }));
    assert_eq!(flat(&read(&mut consumer, 1).await), [1]);
    soon(consumer.health().check()).await.unwrap();

    let mut stranger = config.clone();
    stranger.security.ca_file = Some(directory(&broker).join("stranger.pem"));
    let error = refusal(&stranger).await;
    assert!(matches!(error, KafkaError::Certificate { .. }), "{error}");
    assert!(error.to_string().contains("`kafka.security.ca_file`"));

    let mut consumer = KafkaConsumer::start(&stranger, STALL_MAX).unwrap();
    let error = soon(consumer.next()).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("`kafka.security.ca_file`"), "{source}");
    let error = soon(Topic::plan(&stranger)).await.unwrap_err();
    assert!(matches!(error, KafkaError::Certificate { .. }), "{error}");

    let mut other_name = config.clone();
    other_name.bootstrap_servers = vec![format!("127.0.0.1:{}", broker.second_port())];
    let error = refusal(&other_name).await;
    assert!(matches!(error, KafkaError::Certificate { .. }), "its name is not in it: {error}");

    let mut impostor = config.clone();
    let guess = directory(&broker).join("guess");
    std::fs::write(&guess, "sesame").unwrap();
    impostor.security.password_file = Some(guess);
    let error = refusal(&impostor).await;
    assert!(matches!(error, KafkaError::Login { .. }), "{error}");
    let error = soon(Topic::plan(&impostor)).await.unwrap_err();
    assert!(matches!(error, KafkaError::Login { .. }), "{error}");
    let mut consumer = KafkaConsumer::start(&impostor, STALL_MAX).unwrap();
    let error = soon(consumer.next()).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("refused the login"), "{source}");
    assert!(!format!("{impostor:?} {error:?} {source}").contains("sesame"));
}
