//! What policies promise and only the whole deployment can keep. Whatever would break a promise is
//! refused at the start.

use candor_policy::{Period, PurposeRule, Registry};
use candor_transport::kafka::TopicConfig;

use crate::config::{Config, ConfigError, LogKind};

const DAY_MINUTES: u64 = 24 * 60;
/// No month is shorter.
const MONTH_DAYS_MIN: u64 = 28;

/// Whether this deployment can keep what the policies promise. A journal has one collector and forgets
/// what the sink has stored: it can.
pub(crate) fn check(config: &Config, registry: &Registry) -> Result<(), ConfigError> {
    if config.log.kind == LogKind::Journal {
        return Ok(());
    }
    check_keys(config.keys.sole_collector, registry)?;
    check_retention(&config.kafka.create, registry)
}

/// Each collector draws a key of its own: several would give a visitor several ids.
fn check_keys(sole_collector: bool, registry: &Registry) -> Result<(), ConfigError> {
    let needs_one_key = registry.policies().iter().find(|policy| policy.uses_keys());
    let Some(policy) = needs_one_key.filter(|_| !sole_collector) else {
        return Ok(());
    };
    Err(ConfigError::Value(format!(
        "the policy of `{}` tells visitors apart by ids or hashed addresses, which need one key, but \
         each collector draws a key of its own: behind several collectors one visitor would count as \
         several. Run exactly one collector and set sole_collector = true under [keys] in \
         candor.toml, or take `[visitor] mode = \"rotating\"` and `[address] mode = \"hash\"` out of \
         the policy",
        policy.controller().id()
    )))
}

/// Kafka keeps events whether they were stored or not, so nothing may be due before it forgets them.
fn check_retention(topic: &TopicConfig, registry: &Registry) -> Result<(), ConfigError> {
    let kept = u64::from(topic.retention_hours.get()) * 60 + u64::from(topic.segment_minutes.get());
    for policy in registry.policies() {
        let shortest = policy.purposes().iter().map(|rule| (rule, shortest(rule)));
        let mut due = shortest.filter(|(_, period)| minutes_min(*period) < kept);
        if let Some((rule, period)) = due.next() {
            return Err(ConfigError::Value(format!(
                "the policy of `{}` promises that `{}` is gone after {}, but Kafka keeps events for up \
                 to {} h and {} min: lower retention_hours or segment_minutes under [kafka.create] in \
                 candor.toml and run `candor migrate`, which says how the topic is changed",
                policy.controller().id(),
                rule.name(),
                period,
                topic.retention_hours,
                topic.segment_minutes,
            )));
        }
    }
    Ok(())
}

/// The shortest period that a purpose has for any kind of event.
fn shortest(rule: &PurposeRule) -> Period {
    let periods = rule.kinds().iter().map(|kind| rule.period(kind));
    periods.min_by_key(|period| minutes_min(*period)).unwrap_or_else(|| rule.retention().period())
}

/// The least time that a period can take.
fn minutes_min(period: Period) -> u64 {
    let days = u64::from(period.months()) * MONTH_DAYS_MIN + u64::from(period.days());
    days * DAY_MINUTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(period: &str, field: &str, more: &str) -> Registry {
        let text = format!(
            "[controller]\nid = \"acme\"\nname = \"Acme\"\ncontact = \"a@example.org\"\n\
             [[sites]]\nname = \"demo\"\nhosts = [\"localhost\"]\n\
             [purposes.statistics]\nbasis = \"consent\"\nretention = \"{period}\"\n\
             fields = [\"{field}\"]\n{more}"
        );
        Registry::compile([("acme.toml", text.as_str())]).unwrap()
    }

    fn plain(period: &str) -> Registry {
        registry(period, "path", "")
    }

    fn kafka(more: &str) -> Config {
        toml::from_str(&format!("log.kind = \"kafka\"\n{more}")).unwrap()
    }

    #[test]
    fn ids_and_hashes_need_a_sole_collector() {
        for (field, more) in [
            ("visitor", "[visitor]\nmode = \"rotating\""),
            ("address", "[address]\nmode = \"hash\""),
        ] {
            let registry = registry("1 months", field, more);
            let refused = check(&kafka(""), &registry).unwrap_err().to_string();
            assert!(refused.contains("`acme`") && refused.contains("sole_collector = true"));
            assert!(check(&kafka("keys.sole_collector = true"), &registry).is_ok());
            assert!(check(&Config::default(), &registry).is_ok(), "a journal has one collector");
        }
        assert!(check(&kafka(""), &plain("1 months")).is_ok(), "no key is used");
    }

    #[test]
    fn nothing_is_due_before_kafka_forgets_it() {
        let refused = check(&kafka(""), &plain("1 days")).unwrap_err().to_string();
        for words in ["`statistics` is gone after 1 day", "24 h and 60 min", "retention_hours"] {
            assert!(refused.contains(words), "{refused}");
        }
        assert!(check(&Config::default(), &plain("1 days")).is_ok(), "a journal forgets");
        let hours = |hours: u32| kafka(&format!("kafka.create.retention_hours = {hours}"));
        for (kept, period, fits) in [
            (23, "1 days", true),
            (24, "1 days", false),
            (671, "1 months", true),
            (672, "1 months", false),
        ] {
            assert_eq!(check(&hours(kept), &plain(period)).is_ok(), fits, "{kept} {period}");
        }
    }
}
