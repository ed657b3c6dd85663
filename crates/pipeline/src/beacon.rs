//! What a beacon says, as it came: borrowed from the request, within limits, and believed in nothing.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// One beacon.
#[derive(Clone, Default, Deserialize)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(crate) struct Beacon<'a> {
    #[serde(borrow)]
    pub(crate) site: Text<'a, 64>,
    #[serde(borrow, default)]
    pub(crate) kind: Option<Text<'a, 16>>,
    #[serde(borrow, default)]
    pub(crate) name: Option<Text<'a, 120>>,
    #[serde(borrow, default)]
    pub(crate) url: Text<'a, 4_096>,
    #[serde(borrow, default)]
    pub(crate) referrer: Option<Text<'a, 4_096>>,
    #[serde(borrow, default)]
    pub(crate) title: Option<Text<'a, 1_024>>,
    #[serde(borrow, default)]
    pub(crate) screen: Option<Text<'a, 16>>,
    #[serde(borrow, default)]
    pub(crate) language: Option<Text<'a, 64>>,
    #[serde(borrow, default)]
    pub(crate) consent: Consent<'a>,
    /// Whether the visitor objects to being counted here.
    #[serde(default)]
    pub(crate) objection: Option<bool>,
    #[serde(borrow, default)]
    pub(crate) visitor: Option<VisitorId<'a>>,
    #[serde(borrow, default)]
    pub(crate) id: Option<Text<'a, 128>>,
    #[serde(default)]
    pub(crate) dwell_ms: Option<u32>,
    #[serde(default)]
    pub(crate) scroll_percent: Option<u32>,
    #[serde(borrow, default)]
    pub(crate) props: Props<'a>,
}

/// Text of at most `MAX` bytes.
#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) struct Text<'a, const MAX: usize>(Cow<'a, str>);

/// The id that a visitor's browser chose: 16 to 64 letters, digits, `-` or `_`. Shorter ones could be
/// guessed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VisitorId<'a>(Text<'a, 64>);

/// What the visitor consented to.
#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) enum Consent<'a> {
    /// The beacon does not say.
    #[default]
    Absent,
    /// To everything, or to nothing.
    All(bool),
    /// Purpose by purpose.
    PerPurpose(Vec<(Text<'a, 32>, bool)>),
}

/// Custom properties: names and scalar values, the latter as text.
#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) struct Props<'a>(Vec<Prop<'a>>);

/// A name and a value.
type Prop<'a> = (Text<'a, PROP_NAME_BYTES_MAX>, Text<'a, PROP_VALUE_BYTES_MAX>);

const PROPS_MAX: usize = 30;
const PROP_NAME_BYTES_MAX: usize = 64;
const PROP_VALUE_BYTES_MAX: usize = 512;
const PURPOSES_MAX: usize = 32;
const VISITOR_ID_BYTES_MIN: usize = 16;

// === impl Beacon ===

impl Beacon<'_> {
    /// Whether the visitor objects.
    pub(crate) fn objects(&self) -> bool {
        self.objection.unwrap_or(false)
    }
}

// === impl Text ===

impl<'a, const MAX: usize> Text<'a, MAX> {
    /// Text from elsewhere than JSON; `None` when it is too long.
    pub(crate) fn new(text: impl Into<Cow<'a, str>>) -> Option<Self> {
        let text = text.into();
        (text.len() <= MAX).then_some(Self(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a, const MAX: usize> Deserialize<'de> for Text<'a, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<const MAX: usize>;

        impl<'de, const MAX: usize> Visitor<'de> for TextVisitor<MAX> {
            type Value = Text<'de, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "text of at most {MAX} bytes")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Text::new(text).ok_or_else(|| E::custom("too long"))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Text::new(text.to_owned()).ok_or_else(|| E::custom("too long"))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

// === impl VisitorId ===

impl<'a> VisitorId<'a> {
    /// Checks an id.
    pub(crate) fn new(text: Text<'a, 64>) -> Option<Self> {
        let ok = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        let id = text.as_str();
        (id.len() >= VISITOR_ID_BYTES_MIN && id.bytes().all(ok)).then_some(Self(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for VisitorId<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Text::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("visitor id"))
    }
}

// === impl Consent ===

impl<'de: 'a, 'a> Deserialize<'de> for Consent<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ConsentVisitor;

        impl<'de> Visitor<'de> for ConsentVisitor {
            type Value = Consent<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, or a map from purposes to them")
            }

            fn visit_bool<E: Error>(self, consent: bool) -> Result<Self::Value, E> {
                Ok(Consent::All(consent))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Consent::Absent)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                entries(map, PURPOSES_MAX).map(Consent::PerPurpose)
            }
        }

        deserializer.deserialize_any(ConsentVisitor)
    }
}

impl<'a> Consent<'a> {
    /// Consent to these purposes and no others.
    pub(crate) fn to(purposes: impl IntoIterator<Item = Text<'a, 32>>) -> Self {
        Self::PerPurpose(purposes.into_iter().map(|purpose| (purpose, true)).collect())
    }

    /// What the map says of a purpose. Named twice, a single no denies.
    pub(crate) fn of(entries: &[(Text<'a, 32>, bool)], purpose: &str) -> Option<bool> {
        let answers = entries.iter().filter(|(name, _)| name.as_str() == purpose);
        answers.map(|(_, given)| *given).reduce(|all, given| all && given)
    }
}

// === impl Props ===

impl<'a> Props<'a> {
    /// Adds a name and a value, or nothing when either is too long or there are too many.
    pub(crate) fn push(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        if let (Some(name), Some(value)) = (Text::new(name), Text::new(value))
            && self.0.len() < PROPS_MAX
        {
            self.0.push((name, value));
        }
    }

    /// Names and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Prop<'a>> {
        self.0.iter()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Props<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PropsVisitor;

        impl<'de> Visitor<'de> for PropsVisitor {
            type Value = Props<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of at most 30 scalar values")
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Props::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let entries = entries::<A, Scalar<'de>, PROP_NAME_BYTES_MAX>(map, PROPS_MAX)?;
                let text = |(name, Scalar(value))| (name, value);
                Ok(Props(entries.into_iter().map(text).collect()))
            }
        }

        deserializer.deserialize_any(PropsVisitor)
    }
}

/// A scalar JSON value as text.
struct Scalar<'a>(Text<'a, PROP_VALUE_BYTES_MAX>);

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Any<'a> {
            Bool(bool),
            Number(serde_json::Number),
            #[serde(borrow)]
            Text(Text<'a, PROP_VALUE_BYTES_MAX>),
        }

        let text = match Any::deserialize(deserializer)? {
            Any::Bool(value) => Text::new(value.to_string()),
            Any::Number(value) => Text::new(value.to_string()),
            Any::Text(text) => Some(text),
        };
        text.map(Self).ok_or_else(|| D::Error::custom("too long"))
    }
}

fn entries<'de, A, V, const NAME_BYTES_MAX: usize>(
    mut map: A,
    entries_max: usize,
) -> Result<Vec<(Text<'de, NAME_BYTES_MAX>, V)>, A::Error>
where
    A: MapAccess<'de>,
    V: Deserialize<'de>,
{
    let mut entries = Vec::new();
    while let Some(entry) = map.next_entry()? {
        if entries.len() == entries_max {
            return Err(A::Error::custom("too many entries"));
        }
        entries.push(entry);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Beacon<'_>> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn text_is_borrowed_where_it_can_be() {
        let beacon = read(r#"{"site":"demo","url":"https://a.example/\u00e4"}"#).unwrap();
        assert!(matches!(beacon.site.0, Cow::Borrowed("demo")));
        assert_eq!(beacon.url.as_str(), "https://a.example/ä");
    }

    #[test]
    fn consent_is_absent_a_word_or_a_map() {
        let consent = |json: &str| -> Consent<'static> {
            let text = format!(r#"{{"site":"a","consent":{json}}}"#);
            match read(&text).unwrap().consent {
                Consent::Absent => Consent::Absent,
                Consent::All(given) => Consent::All(given),
                Consent::PerPurpose(entries) => Consent::PerPurpose(
                    entries
                        .iter()
                        .map(|(name, given)| (Text::new(name.as_str().to_owned()).unwrap(), *given))
                        .collect(),
                ),
            }
        };
        assert_eq!(read(r#"{"site":"a"}"#).unwrap().consent, Consent::Absent);
        assert_eq!(consent("null"), Consent::Absent);
        assert_eq!(consent("true"), Consent::All(true));
        let map = vec![(Text::new("statistics").unwrap(), true)];
        assert_eq!(consent(r#"{"statistics":true}"#), Consent::PerPurpose(map));
        assert!(read(r#"{"site":"a","consent":"yes"}"#).is_none());
    }

    #[test]
    fn an_objection_is_a_yes_or_a_no() {
        let objection = |json: &str| {
            let text = format!(r#"{{"site":"a","objection":{json}}}"#);
            read(&text).map(|beacon| beacon.objection)
        };
        assert_eq!(objection("true"), Some(Some(true)));
        assert_eq!(objection("false"), Some(Some(false)));
        assert_eq!(objection("null"), Some(None));
        for unclear in ["1", r#""true""#, r#"true,"objection":false"#] {
            assert_eq!(objection(unclear), None, "{unclear}");
        }
    }

    #[test]
    fn props_are_scalars() {
        let beacon = read(r#"{"site":"a","props":{"n":1.5,"b":true,"t":"x"}}"#).unwrap();
        let props = beacon.props.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        assert_eq!(props.collect::<Vec<_>>(), [("n", "1.5"), ("b", "true"), ("t", "x")]);
        assert!(read(r#"{"site":"a","props":{"deep":{"er":1}}}"#).is_none());
        assert!(read(r#"{"site":"a","props":[1]}"#).is_none());
    }

    #[test]
    fn what_is_over_a_limit_is_refused() {
        let long = "x".repeat(5_000);
        assert!(read(&format!(r#"{{"site":"a","url":"{long}"}}"#)).is_none());
        assert!(read(r#"{"site":"a","visitor":"short"}"#).is_none());
        assert!(read(r#"{"site":"a","visitor":"0123456789abcdef"}"#).is_some());
        let many: Vec<_> = (0..31).map(|n| format!(r#""p{n}":1"#)).collect();
        assert!(read(&format!(r#"{{"site":"a","props":{{{}}}}}"#, many.join(","))).is_none());
    }
}
