//! Our configuration in librdkafka's words. What a setting is for stands beside it; what is left out
//! has librdkafka's default.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use zeroize::Zeroizing;

use super::config::{Compression, KafkaConfig, Mechanism, Protocol, Security};
use super::error::KafkaError;

/// What all clients share.
pub(super) fn base(config: &KafkaConfig) -> Result<ClientConfig, KafkaError> {
    config.check()?;
    let mut settings = ClientConfig::new();
    settings
        .set_log_level(RDKafkaLogLevel::Info)
        .set("bootstrap.servers", config.bootstrap_servers.join(","))
        .set("client.id", "candor")
        .set("allow.auto.create.topics", "false") // `candor migrate` makes the topic
        .set("enable.metrics.push", "false") // what we do is told to nobody
        .set("log.connection.close", "false") // brokers close what is idle
        .set("socket.keepalive.enable", "true")
        .set("socket.timeout.ms", "10000")
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("reconnect.backoff.max.ms", "1000") // back soon after the broker is
        .set("topic.metadata.refresh.interval.ms", "30000");
    secure(&mut settings, &config.security)?;
    Ok(settings)
}

/// The producer's.
pub(super) fn producer(config: &KafkaConfig) -> Result<ClientConfig, KafkaError> {
    let mut settings = base(config)?;
    let compression = match config.compression {
        Compression::Lz4 => "lz4",
        Compression::None => "none",
        Compression::Zstd => "zstd",
    };
    // Our own budget comes first; records that are on their way twice must not meet another bound.
    let kbytes = config.queue_bytes_max.get().div_ceil(1_024).saturating_mul(2);
    let events = config.queue_events_max.get().saturating_mul(2);
    settings
        .set("enable.idempotence", "true") // and with it acks=all
        .set("message.timeout.ms", "0") // the caller gives up, the client does not
        .set("linger.ms", "0") // we bundle
        .set("compression.type", compression)
        .set("queue.buffering.max.kbytes", kbytes.to_string())
        .set("queue.buffering.max.messages", events.to_string())
        .set("statistics.interval.ms", STATISTICS_MS);
    Ok(settings)
}

/// The group member's.
pub(super) fn consumer(
    config: &KafkaConfig,
    stall_max: Duration,
) -> Result<ClientConfig, KafkaError> {
    let session_ms = u64::from(config.session_timeout_s.get()) * 1_000;
    let stall_max_ms = stall_max.as_millis();
    if stall_max_ms < u128::from(session_ms) || stall_max_ms > STALL_MS_MAX {
        return Err(KafkaError::Config(
            "session_timeout_s must be at most the time that a sink may stall, \
             twice its insert deadline; and that at most a day",
        ));
    }
    let mut settings = base(config)?;
    reading(&mut settings);
    settings
        .set("group.id", &config.group)
        .set("group.instance.id", instance(config)?)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", session_ms.to_string())
        .set("heartbeat.interval.ms", (session_ms / 5).clamp(100, 3_000).to_string())
        .set("max.poll.interval.ms", stall_max_ms.to_string())
        .set("statistics.interval.ms", STATISTICS_MS);
    Ok(settings)
}

/// The reader's that belongs to no group. The group's name is there for the rights it has: it is never
/// joined.
pub(super) fn tail(config: &KafkaConfig) -> Result<ClientConfig, KafkaError> {
    let mut settings = base(config)?;
    reading(&mut settings);
    settings
        .set("group.id", &config.group)
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest"); // it only looks
    Ok(settings)
}

fn reading(settings: &mut ClientConfig) {
    settings
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error") // where to go on is never guessed
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        // Rows wait for their batch anyway: a fetch for each record would cost broker and sink more than the rest.
        .set("fetch.min.bytes", "65536")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.error.backoff.ms", "100")
        // The bound holds for each partition's queue: 2 MiB, and a fetch that was under way.
        .set("queued.max.messages.kbytes", "2048")
        .set("fetch.message.max.bytes", "1048576")
        .set("fetch.queue.backoff.ms", "10");
}

/// The member's name in its group.
pub(super) fn instance(config: &KafkaConfig) -> Result<String, KafkaError> {
    if let Some(instance) = &config.instance {
        return Ok(instance.clone());
    }
    let name = rustix::system::uname();
    let name = name.nodename().to_str().map_err(|_| KafkaError::HostName)?;
    if !super::config::is_name(name) {
        return Err(KafkaError::HostName);
    }
    Ok(name.to_owned())
}

fn secure(settings: &mut ClientConfig, security: &Security) -> Result<(), KafkaError> {
    let protocol = match security.protocol {
        Protocol::Plaintext => return Ok(()),
        Protocol::SaslSsl => "sasl_ssl",
        Protocol::Ssl => "ssl",
    };
    settings
        .set("security.protocol", protocol)
        .set("enable.ssl.certificate.verification", "true")
        .set("ssl.endpoint.identification.algorithm", "https");
    let files = [
        ("ssl.ca.location", "ca_file", &security.ca_file),
        ("ssl.certificate.location", "certificate_file", &security.certificate_file),
        ("ssl.key.location", "key_file", &security.key_file),
    ];
    for (setting, key, path) in files {
        if let Some(path) = path {
            fs::File::open(path).map_err(KafkaError::file(key, path))?;
            settings.set(setting, path.to_string_lossy());
        }
    }
    let (Some(mechanism), Some(username), Some(password)) =
        (security.mechanism, &security.username, &security.password_file)
    else {
        return Ok(());
    };
    let mechanism = match mechanism {
        Mechanism::Plain => "PLAIN",
        Mechanism::ScramSha256 => "SCRAM-SHA-256",
        Mechanism::ScramSha512 => "SCRAM-SHA-512",
    };
    settings
        .set("sasl.mechanism", mechanism)
        .set("sasl.username", username)
        .set("sasl.password", read_password(password)?.as_str());
    Ok(())
}

/// What the file holds. Ours is overwritten; the client library keeps a copy of its own for as long as it runs.
fn read_password(path: &Path) -> Result<Zeroizing<String>, KafkaError> {
    let failed = KafkaError::file("password_file", path);
    // Whole from the beginning, so that no part is left behind when it grows.
    let mut text = Zeroizing::new(String::with_capacity(2 * PASSWORD_BYTES_MAX));
    let read = fs::File::open(path)
        .and_then(|file| file.take(PASSWORD_BYTES_MAX as u64 + 1).read_to_string(&mut text));
    read.map_err(failed)?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() || text.len() > PASSWORD_BYTES_MAX {
        return Err(KafkaError::Config(
            "security.password_file must hold a password and nothing else, of at most 4096 bytes",
        ));
    }
    Ok(Zeroizing::new(password.to_owned()))
}

const PASSWORD_BYTES_MAX: usize = 4_096;
const STATISTICS_MS: &str = "5000";
const STALL_MS_MAX: u128 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> KafkaConfig {
        toml::from_str(text).expect("it parses")
    }

    #[test]
    fn librdkafka_takes_all_that_we_say() {
        for text in ["", "compression = \"zstd\"", "compression = \"none\""] {
            let config = config(text);
            let day = Duration::from_hours(24);
            for settings in [producer(&config), consumer(&config, day), tail(&config)] {
                settings.unwrap().create_native_config().unwrap();
            }
        }
    }

    #[test]
    fn whoever_asks_for_tls_gets_it_checked_and_the_password_comes_from_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        fs::write(&file, "open sesame\n").unwrap();
        let text = format!(
            "[security]\nprotocol = \"sasl_ssl\"\nmechanism = \"scram-sha-512\"\n\
             username = \"candor\"\npassword_file = {file:?}"
        );
        let settings = base(&config(&text)).unwrap();
        let get = |key| settings.get(key).unwrap();
        assert_eq!(get("security.protocol"), "sasl_ssl");
        assert_eq!(get("enable.ssl.certificate.verification"), "true");
        assert_eq!(get("ssl.endpoint.identification.algorithm"), "https");
        assert_eq!(get("sasl.mechanism"), "SCRAM-SHA-512");
        assert_eq!(get("sasl.password"), "open sesame");
        assert!(!format!("{settings:?}{:?}", config(&text)).contains("sesame"));
    }

    #[test]
    fn a_file_that_holds_no_password_is_refused_and_not_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        for text in [String::new(), "\n".to_owned(), "sesame".repeat(1_000)] {
            fs::write(&file, text).unwrap();
            let error = read_password(&file).unwrap_err().to_string();
            assert!(error.contains("password_file") && !error.contains("sesame"), "{error}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_its_key() {
        let text = "[security]\nprotocol = \"ssl\"\nca_file = \"/nowhere/ca.pem\"";
        let error = base(&config(text)).unwrap_err().to_string();
        assert!(error.contains("/nowhere/ca.pem") && error.contains("kafka.security.ca_file"));
    }

    #[test]
    fn a_sink_may_stall_longer_than_its_session() {
        let config = config("session_timeout_s = 20");
        assert!(consumer(&config, Duration::from_secs(20)).is_ok());
        let refused = consumer(&config, Duration::from_secs(19));
        assert!(matches!(refused, Err(KafkaError::Config(_))));
    }
}
