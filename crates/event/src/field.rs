//! The catalogue of fields: everything that can be kept of a visit beyond the bare fact that something
//! happened on a site in some second. A policy names fields by these words, a grant carries them as
//! bits, a table has columns for them.

use std::fmt;

/// One field of the catalogue. Append-only: the number is the bit in `Grant.fields`, and is never
/// reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Field {
    /// The page's path.
    Path = 0,
    /// Query parameters.
    Query = 1,
    /// The page's title.
    Title = 2,
    /// The referring host.
    ReferrerHost = 3,
    /// The referring path.
    ReferrerPath = 4,
    /// Campaign parameters.
    Campaign = 5,
    /// The browser's language.
    Language = 6,
    /// Screen size.
    Screen = 7,
    /// Browser family.
    Browser = 8,
    /// Browser version.
    BrowserVersion = 9,
    /// Operating system.
    Os = 10,
    /// Version of the operating system.
    OsVersion = 11,
    /// Device class.
    Device = 12,
    /// Bot class.
    Bot = 13,
    /// Country.
    Country = 14,
    /// Region.
    Region = 15,
    /// City.
    City = 16,
    /// Network.
    Network = 17,
    /// Truncated or hashed address.
    Address = 18,
    /// Visitor's pseudonym.
    Visitor = 19,
    /// Time on the page.
    Dwell = 20,
    /// Depth of scrolling.
    Scroll = 21,
    /// Custom properties.
    Props = 22,
    /// Record of consent.
    ConsentRecord = 23,
    /// Source of the visit.
    Source = 24,
    /// Channel of the visit.
    Channel = 25,
}

/// How much a field helps to tell one visitor from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identifiability {
    /// Says little about who visited.
    Low,
    /// Narrows the circle together with others.
    Some,
    /// Singles a visitor out, at least for a while.
    High,
}

/// A set of fields.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct FieldSet(u64);

// === impl Field ===

impl Field {
    /// The catalogue, in the order of the bits.
    pub const ALL: [Self; 26] = [
        Self::Path,
        Self::Query,
        Self::Title,
        Self::ReferrerHost,
        Self::ReferrerPath,
        Self::Campaign,
        Self::Language,
        Self::Screen,
        Self::Browser,
        Self::BrowserVersion,
        Self::Os,
        Self::OsVersion,
        Self::Device,
        Self::Bot,
        Self::Country,
        Self::Region,
        Self::City,
        Self::Network,
        Self::Address,
        Self::Visitor,
        Self::Dwell,
        Self::Scroll,
        Self::Props,
        Self::ConsentRecord,
        Self::Source,
        Self::Channel,
    ];

    /// The word for it in policy files.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Title => "title",
            Self::ReferrerHost => "referrer_host",
            Self::ReferrerPath => "referrer_path",
            Self::Campaign => "campaign",
            Self::Language => "language",
            Self::Screen => "screen",
            Self::Browser => "browser",
            Self::BrowserVersion => "browser_version",
            Self::Os => "os",
            Self::OsVersion => "os_version",
            Self::Device => "device",
            Self::Bot => "bot",
            Self::Country => "country",
            Self::Region => "region",
            Self::City => "city",
            Self::Network => "network",
            Self::Address => "address",
            Self::Visitor => "visitor",
            Self::Dwell => "dwell",
            Self::Scroll => "scroll",
            Self::Props => "props",
            Self::ConsentRecord => "consent_record",
            Self::Source => "source",
            Self::Channel => "channel",
        }
    }

    /// The field of that name.
    pub fn parse(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.label() == label)
    }

    /// A sentence for people: what it is and where it comes from. The compiler's messages, the notice
    /// and the comments of columns say it, with [`Identifiability::describe`] beside it.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Path => "The path of the page, from its address; query and fragment are cut off.",
            Self::Query => "Those query parameters of the page's address that the policy lists.",
            Self::Title => "The title of the page, as the page's script reports it.",
            Self::ReferrerHost => "The host of the page that linked here, from the referrer.",
            Self::ReferrerPath => "The path of the page that linked here, from the referrer.",
            Self::Campaign => "The campaign parameters (utm_*) of the page's address.",
            Self::Language => "The first language that the browser prefers, as it says itself.",
            Self::Screen => "Width and height of the screen in CSS pixels, from the page's script.",
            Self::Browser => "The browser's family, from the user agent.",
            Self::BrowserVersion => "The browser's major version, from the user agent.",
            Self::Os => "The operating system's family, from the user agent.",
            Self::OsVersion => "The operating system's major version, from the user agent.",
            Self::Device => {
                "The class of device (desktop, phone, tablet …), from the user agent, the client hints \
                 beside it, and the size of the screen."
            }
            Self::Bot => {
                "The class of bot, from the user agent and the page that linked here; empty for people."
            }
            Self::Country => "The country, looked up from the leading bits of the address.",
            Self::Region => "The region, looked up from the leading bits of the address.",
            Self::City => "The city, looked up from the leading bits of the address.",
            Self::Network => {
                "The operator of the visitor's network (the autonomous system, not the provider's \
                 domain), looked up from the leading bits of the address."
            }
            Self::Address => {
                "The address, cut to its leading bits or hashed with a key that is destroyed."
            }
            Self::Visitor => {
                "The visitor's pseudonym, made with a key that is destroyed or chosen by the \
                 browser with consent."
            }
            Self::Dwell => {
                "How long the page was visible, in milliseconds, from the page's script."
            }
            Self::Scroll => "How far the page was scrolled, in percent, from the page's script.",
            Self::Props => "The name and the properties that the site itself gave to the event.",
            Self::ConsentRecord => "The record of the consent under which the event is kept.",
            Self::Source => {
                "Where the visit came from: the service or campaign, from the referrer's host and the \
                 campaign parameters."
            }
            Self::Channel => {
                "The kind of way by which the visit came (search, social network, mail …), from the \
                 referrer's host and the campaign parameters; empty within the site."
            }
        }
    }

    /// How identifying it is.
    pub const fn identifiability(self) -> Identifiability {
        match self {
            Self::Address | Self::ConsentRecord | Self::Visitor => Identifiability::High,
            Self::BrowserVersion
            | Self::City
            | Self::Network
            | Self::OsVersion
            | Self::Props
            | Self::Query
            | Self::ReferrerPath
            | Self::Screen
            | Self::Title => Identifiability::Some,
            Self::Bot
            | Self::Browser
            | Self::Campaign
            | Self::Channel
            | Self::Country
            | Self::Device
            | Self::Dwell
            | Self::Language
            | Self::Os
            | Self::Path
            | Self::ReferrerHost
            | Self::Region
            | Self::Scroll
            | Self::Source => Identifiability::Low,
        }
    }
}

// === impl Identifiability ===

impl Identifiability {
    /// All of them, the least identifying first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Some, Self::High];

    /// A sentence for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Low => "Says little about who visited.",
            Self::Some => "Narrows down who visited, together with other fields.",
            Self::High => "Singles a visitor out, at least for a while.",
        }
    }
}

// === impl FieldSet ===

impl FieldSet {
    /// No field.
    pub const EMPTY: Self = Self(0);

    /// The set of these fields.
    pub fn of(fields: &[Field]) -> Self {
        fields.iter().copied().collect()
    }

    /// The set with these bits, or `None` when one is outside of the catalogue.
    pub fn from_bits(bits: u64) -> Option<Self> {
        let known = Field::ALL.into_iter().collect::<Self>().0;
        (bits & !known == 0).then_some(Self(bits))
    }

    /// The bits, as a grant carries them.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether `field` is in the set.
    pub const fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u8) != 0
    }

    /// The fields that are in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The fields that are in this set and not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether no field is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The fields, in the order of the catalogue.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.into_iter().filter(move |field| self.contains(*field))
    }
}

impl FromIterator<Field> for FieldSet {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        Self(fields.into_iter().fold(0, |bits, field| bits | 1 << field as u8))
    }
}

impl fmt::Debug for FieldSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Field::label)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_in_order_and_its_words_lead_back() {
        for (bit, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, bit);
            assert_eq!(Field::parse(field.label()), Some(field));
            assert!(field.describe().ends_with('.'));
        }
    }

    #[test]
    fn bits_outside_of_the_catalogue_are_refused() {
        let all = FieldSet::of(&Field::ALL);
        assert_eq!(FieldSet::from_bits(all.bits()), Some(all));
        assert_eq!(FieldSet::from_bits(all.bits() + 1), None);
    }
}
