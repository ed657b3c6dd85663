//! What policies promise and only the whole deployment can keep. Whatever would break a promise is
//! refused at the start.

use candor_policy::Registry;
use candor_transport::kafka::TopicConfig;
use candor_transport::spill::SpillConfig;

use crate::config::{Config, ConfigError, LogKind};

/// Whether this deployment can keep what the policies promise. A journal has one collector and forgets
/// what the sink has stored: it can.
pub(crate) fn check(config: &Config, registry: &Registry) -> Result<(), ConfigError> {
    if config.log.kind == LogKind::Journal {
        return Ok(());
    }
    let spill = config.spill.is_on().then_some(&config.spill);
    check_retention(&config.kafka.create, spill, registry)
}

/// Kafka keeps events whether they were stored or not, and before that they may have lain in a spill. Notices
/// say for how long at most, and no period that they promise is shorter than that.
fn check_retention(
    topic: &TopicConfig,
    spill: Option<&SpillConfig>,
    registry: &Registry,
) -> Result<(), ConfigError> {
    let spilled = spill.map_or(0, |spill| spill.hours_max.get());
    let hours = u64::from(topic.retention_hours.get()) + u64::from(spilled);
    let kept = hours * 60 + u64::from(topic.segment_minutes.get());
    for policy in registry.policies() {
        let promised = policy.data().log();
        if u64::from(promised.hours()) * 60 < kept {
            return Err(ConfigError::Value(format!(
                "the policy of `{}` promises that events lie in the log for at most {promised}, but \
                 Kafka keeps them for up to {} h and {} min, after up to {spilled} h in the spill: lower \
                 retention_hours or segment_minutes under [kafka.create] in candor.toml and run \
                 `candor migrate`, which says how the topic is changed, or hours_max under [spill], or \
                 promise more in the policy: `log` in [data]",
                policy.controller().id(),
                topic.retention_hours,
                topic.segment_minutes,
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(period: &str, more: &str) -> Registry {
        let text = format!(
            "[controller]\nid = \"acme\"\nname = \"Acme\"\ncontact = \"a@example.org\"\n\
             [[sites]]\nname = \"demo\"\nhosts = [\"localhost\"]\n\
             [purposes.statistics]\nbasis = \"consent\"\nretention = \"{period}\"\n\
             fields = [\"path\"]\n{more}"
        );
        Registry::compile([("acme.toml", text.as_str())]).unwrap()
    }

    fn plain(period: &str) -> Registry {
        registry(period, "")
    }

    fn kafka(more: &str) -> Config {
        toml::from_str(&format!("log.kind = \"kafka\"\n{more}")).unwrap()
    }

    #[test]
    fn kafka_forgets_when_the_notice_says_so() {
        let day = kafka("kafka.create.retention_hours = 24");
        let refused = check(&day, &plain("1 months")).unwrap_err().to_string();
        for words in [
            "at most 24 hours",
            "24 h and 60 min",
            "4 h in the spill",
            "retention_hours",
            "`log` in [data]",
        ] {
            assert!(refused.contains(words), "{refused}");
        }
        let longer = registry("1 months", "[data]\nlog = \"29 hours\"");
        assert!(check(&day, &longer).is_ok(), "the notice says more");
        assert!(
            check(&kafka(""), &plain("1 days")).is_ok(),
            "by default it is 4 + 19 h and 60 min"
        );
        let none = kafka("kafka.create.retention_hours = 23\nspill.bytes = 0");
        assert!(check(&none, &plain("1 days")).is_ok(), "without a spill Kafka may keep all of it");
        let longer = kafka("spill.hours_max = 5");
        assert!(check(&longer, &plain("1 days")).is_err());
        assert!(check(&Config::default(), &plain("1 days")).is_ok(), "a journal forgets");
    }
}
