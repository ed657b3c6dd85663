//! What becomes of the parts of a visit that could tell who made it.

use std::fmt;

use candor_event::StoredAddress;

use crate::words::words;

/// What becomes of a visitor's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressMode {
    /// It is not kept in any form.
    Drop,
    /// A keyed hash is kept, whose key is destroyed in time.
    Hash,
    /// Its leading bits are kept.
    Truncate {
        /// Of an IPv4 address.
        v4: u8,
        /// Of an IPv6 address.
        v6: u8,
    },
}

words! {
    /// How visitors are told apart.
    pub enum VisitorMode {
        /// Not at all.
        None = "none",
        /// By a keyed hash, whose key is destroyed in time.
        Rotating = "rotating",
        /// By an id that the site keeps with the visitor's consent.
        Consented = "consented",
    }
}

words! {
    /// The finest place that may be told from a visitor's address.
    pub enum Geography {
        /// None.
        None = "none",
        /// The country.
        Country = "country",
        /// A part of the country.
        Region = "region",
        /// The city.
        City = "city",
    }
}

words! {
    /// The most that is kept of the page that linked here.
    pub enum ReferrerMode {
        /// Its host.
        Host = "host",
        /// Its scheme, host and port, in the field of the host.
        Origin = "origin",
        /// Its host and its path.
        Path = "path",
    }
}

// === impl AddressMode ===

impl AddressMode {
    /// The words for the modes in policy files.
    #[cfg(test)]
    pub(crate) const WORDS: [&str; 3] = ["drop", "hash", "truncate"];

    /// The word for it in policy files.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Hash => "hash",
            Self::Truncate { .. } => "truncate",
        }
    }

    /// The leading bits of an IPv4 and of an IPv6 address that a place or a network may be looked up by:
    /// no more than are kept, where only some are.
    pub const fn lookup_prefixes(self) -> (u8, u8) {
        match self {
            Self::Truncate { v4, v6 } => (v4, v6),
            Self::Drop | Self::Hash => (StoredAddress::V4_PREFIX_MAX, StoredAddress::V6_PREFIX_MAX),
        }
    }
}

impl fmt::Display for AddressMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
