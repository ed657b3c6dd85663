//! What a site is called by those who speak another product's protocol, and what such a beacon says of
//! consent: nothing, unless the policy says when its script is loaded.

use std::fmt;

use crate::words::words;

words! {
    /// Another product's way to send beacons.
    pub enum Protocol {
        /// Matomo's tracking API.
        Matomo = "matomo",
        /// Plausible's events API.
        Plausible = "plausible",
        /// Umami's.
        Umami = "umami",
    }
}

words! {
    /// When a site loads the scripts that speak such protocols.
    pub enum Scripts {
        /// Whatever the visitor chose: their beacons say nothing of consent, so there is none.
        Always = "always",
        /// Only after the visitor consented to every purpose that asks for consent.
        AfterConsent = "after-consent",
    }
}

/// The id that a site has in another protocol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignId {
    protocol: Protocol,
    id: Box<str>,
}

/// Why such an id is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForeignIdError {
    /// Not `protocol:id`.
    #[error("names no protocol")]
    NoProtocol,
    /// A protocol that is not spoken.
    #[error("names a protocol that is not known")]
    UnknownProtocol,
    /// Not what the protocol calls a site.
    #[error("is not what {0} calls a site")]
    NotAnId(Protocol),
}

// === impl Protocol ===

impl Protocol {
    /// How its sites are called, for messages.
    pub(crate) const fn example(self) -> &'static str {
        match self {
            Self::Matomo => "write the number of the site: `matomo:1`",
            Self::Plausible => "write the domain as Plausible has it: `plausible:example.fi`",
            Self::Umami => {
                "write the website's id in lower case: `umami:94db1cb1-74f4-4a40-ad6c-962362670409`"
            }
        }
    }

    fn calls_a_site(self, id: &str) -> bool {
        match self {
            Self::Matomo => {
                id.len() <= 9 && !id.starts_with('0') && id.bytes().all(|c| c.is_ascii_digit())
            }
            Self::Plausible => id.bytes().all(|c| {
                c.is_ascii_digit()
                    || c.is_ascii_lowercase()
                    || matches!(c, b'.' | b'-' | b'/' | b'_')
            }),
            Self::Umami => is_uuid(id),
        }
    }
}

// === impl ForeignId ===

impl ForeignId {
    /// The longest id that is read.
    const LENGTH_MAX: usize = 64;

    /// Reads `protocol:id`.
    ///
    /// # Errors
    /// [`ForeignIdError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ForeignIdError> {
        let (protocol, id) = text.split_once(':').ok_or(ForeignIdError::NoProtocol)?;
        let protocol = Protocol::parse(protocol).ok_or(ForeignIdError::UnknownProtocol)?;
        if id.is_empty() || id.len() > Self::LENGTH_MAX || !protocol.calls_a_site(id) {
            return Err(ForeignIdError::NotAnId(protocol));
        }
        Ok(Self { protocol, id: id.into() })
    }

    /// The protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What it calls the site.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for ForeignId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.protocol, self.id)
    }
}

fn is_uuid(id: &str) -> bool {
    let lengths = id.split('-').map(str::len);
    let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c) || c == b'-';
    lengths.eq([8, 4, 4, 4, 12]) && id.bytes().all(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_has_ids_of_its_own() {
        for right in [
            "matomo:1",
            "plausible:shop.example.fi",
            "plausible:example.fi/blog",
            "umami:94db1cb1-74f4-4a40-ad6c-962362670409",
        ] {
            assert_eq!(ForeignId::parse(right).unwrap().to_string(), right);
        }
        let long = format!("plausible:{}", "a".repeat(65));
        for wrong in [
            "1",
            "ga:1",
            "Matomo:1",
            "matomo:",
            "matomo:0",
            "matomo:one",
            "plausible:Example.fi",
            "plausible:a,b",
            "umami:94DB1CB1-74f4-4a40-ad6c-962362670409",
            "umami:94db1cb1",
            &long,
        ] {
            assert!(ForeignId::parse(wrong).is_err(), "{wrong}");
        }
    }
}
