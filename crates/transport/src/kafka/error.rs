//! Why the Kafka log cannot be used, and what the operator does next.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode as Code};

use super::KafkaConfig;

/// Why the Kafka log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// The broker's certificate does not prove that it is the one.
    #[error(
        "the certificate of {servers} is not trusted: check `kafka.security.ca_file`, and that the \
         certificate names the host"
    )]
    Certificate {
        /// Whom we asked.
        servers: String,
    },
    /// The client library refuses its settings.
    #[error("the Kafka client cannot be made: {reason}")]
    Client {
        /// What the library says.
        reason: String,
    },
    /// Values that do not fit.
    #[error("the Kafka configuration cannot work: {0}")]
    Config(&'static str),
    /// The broker knows us, and says no.
    #[error(
        "cannot {doing}: the broker does not allow it; grant `kafka.security.username` the right"
    )]
    Denied {
        /// What was being done.
        doing: &'static str,
    },
    /// Another consumer joined under our name.
    #[error("another sink joined under the same instance name: give each its own `kafka.instance`")]
    Fenced,
    /// A file of the configuration.
    #[error("cannot read {}: check `kafka.security.{key}`", path.display())]
    File {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The name of this host cannot be an instance name.
    #[error("the name of this host cannot name a sink: set `kafka.instance`")]
    HostName,
    /// The broker does not take us for who we say we are.
    #[error(
        "{servers} refused the login: check `username`, `password_file` and `mechanism` of \
         `kafka.security`"
    )]
    Login {
        /// Whom we asked.
        servers: String,
    },
    /// The broker refused.
    #[error("cannot {doing}")]
    Request {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        #[source]
        source: BrokerError,
    },
    /// Not called inside a tokio runtime.
    #[error("the Kafka log needs a tokio runtime")]
    Runtime,
    /// There is no such topic.
    #[error("the topic {topic} does not exist: run `candor migrate`")]
    TopicMissing {
        /// Its name.
        topic: String,
    },
    /// No broker answers.
    #[error(
        "no broker of {servers} answers: check `kafka.bootstrap_servers`, and that Kafka is running"
    )]
    Unreachable {
        /// Where we looked.
        servers: String,
        /// What happened.
        #[source]
        source: BrokerError,
    },
}

/// An error code of Kafka's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerError(Code);

// === impl KafkaError ===

impl KafkaError {
    /// What the broker's `code` means for whoever was `doing` something.
    pub(super) fn of(config: &KafkaConfig, doing: &'static str, code: Code) -> Self {
        let source = BrokerError(code);
        let servers = || config.bootstrap_servers.join(", ");
        match code {
            code if is_missing(code) => Self::TopicMissing { topic: config.topic.clone() },
            code if is_unreachable(code) => Self::Unreachable { servers: servers(), source },
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed => Self::Denied { doing },
            Code::Authentication => Self::Login { servers: servers() },
            Code::SSL => Self::Certificate { servers: servers() },
            _ => Self::Request { doing, source },
        }
    }

    /// The client library says no before it asks anybody.
    pub(super) fn client(error: &ClientError) -> Self {
        let reason = match error {
            ClientError::ClientConfig(_, reason, key, _) => format!("{key}: {reason}"),
            ClientError::ClientCreation(reason) => reason.clone(),
            error => error.to_string(),
        };
        Self::Client { reason }
    }

    pub(super) fn file(key: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { key, path: path.to_owned(), source }
    }
}

// === impl BrokerError ===

impl BrokerError {
    pub(super) const fn new(code: Code) -> Self {
        Self(code)
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for BrokerError {}

/// The topic does not exist, or is another one by now.
pub(super) fn is_missing(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownTopicOrPartition
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::UnknownTopicId
    )
}

/// Nobody was reached, or nobody answered in time.
pub(super) fn is_unreachable(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::TimedOutQueue
            | Code::Resolve
            | Code::BrokerNotAvailable
            | Code::NetworkException
    )
}

/// Somebody was reached who does not talk to us, or whom we do not trust.
pub(super) fn is_refused(code: Code) -> bool {
    matches!(code, Code::Authentication | Code::SSL)
}

/// The code in a client's error, if there is one.
pub(super) fn code_of(error: &ClientError) -> Code {
    match error {
        ClientError::AdminOp(code) => *code,
        error => error.rdkafka_error_code().unwrap_or(Code::Fail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_to_do_next() {
        let config = KafkaConfig::default();
        let text = |code| KafkaError::of(&config, "read the topic", code).to_string();
        assert!(text(Code::UnknownTopicOrPartition).contains("run `candor migrate`"));
        assert!(text(Code::OperationTimedOut).contains("127.0.0.1:9092"));
        assert!(text(Code::TopicAuthorizationFailed).contains("cannot read the topic: the broker"));
        assert_eq!(text(Code::PolicyViolation), "cannot read the topic");
    }
}
