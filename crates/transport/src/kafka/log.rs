//! What librdkafka says, in our log. It names brokers, topics and groups, never a record.

use rdkafka::config::RDKafkaLogLevel as Level;

/// Passes a line on. That a broker is away is a warning to librdkafka's error: it tries again by itself.
pub(super) fn forward(level: Level, facility: &str, text: &str) {
    match level {
        Level::Emerg | Level::Alert | Level::Critical => tracing::error!(facility, "{text}"),
        Level::Error | Level::Warning => tracing::warn!(facility, "{text}"),
        Level::Notice | Level::Info => tracing::info!(facility, "{text}"),
        Level::Debug => tracing::debug!(facility, "{text}"),
    }
}
