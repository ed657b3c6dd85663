//! The one fate of a beacon.

/// What became of a beacon. Every beacon that is heard ends in exactly one of these, so that
/// received = accepted + each of the rest, at every moment of rest. Carries nothing of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The client left before the answer; what it sent may have been kept.
    Abandoned,
    /// Durable in the log, to be kept.
    Accepted,
    /// No purpose has the consent that it needs.
    ConsentDenied,
    /// `DNT` denied every purpose.
    DeniedByDnt,
    /// `Sec-GPC` denied every purpose.
    DeniedByGpc,
    /// The visitor's objection denied every purpose.
    DeniedByObjection,
    /// Older than every period that the policy grants (imports).
    Expired,
    /// The request that an access log tells of had failed (imports).
    FailedRequest,
    /// The page's host, or the `Origin`, is none of the site's.
    HostDenied,
    /// No key for the hashes that the policy asks for.
    KeyMissing,
    /// No purpose keeps events of this kind.
    KindDenied,
    /// Not a beacon: the bytes, a value or a combination of values cannot be read.
    Malformed,
    /// A request for something other than a page (imports).
    NotAPage,
    /// More than the rate of the client's network or of the site allows, or more than the site's share.
    RateLimited,
    /// More bytes, or more beacons, than are read.
    TooLarge,
    /// The body did not come in time.
    TooSlow,
    /// The log did not take it in time.
    Unavailable,
    /// No policy names this site.
    UnknownSite,
    /// A content type or an encoding that is not read.
    UnsupportedMedia,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 19] = [
        Self::Abandoned,
        Self::Accepted,
        Self::ConsentDenied,
        Self::DeniedByDnt,
        Self::DeniedByGpc,
        Self::DeniedByObjection,
        Self::Expired,
        Self::FailedRequest,
        Self::HostDenied,
        Self::KeyMissing,
        Self::KindDenied,
        Self::Malformed,
        Self::NotAPage,
        Self::RateLimited,
        Self::TooLarge,
        Self::TooSlow,
        Self::Unavailable,
        Self::UnknownSite,
        Self::UnsupportedMedia,
    ];

    /// Whether it was a policy that decided so: the beacon had been read, and was its site's.
    pub const fn is_of_policy(self) -> bool {
        matches!(
            self,
            Self::Accepted
                | Self::ConsentDenied
                | Self::DeniedByDnt
                | Self::DeniedByGpc
                | Self::DeniedByObjection
                | Self::Expired
                | Self::KindDenied
        )
    }

    /// The word for it in metrics, headers and answers.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Abandoned => "abandoned",
            Self::Accepted => "accepted",
            Self::ConsentDenied => "consent_denied",
            Self::DeniedByDnt => "denied_by_dnt",
            Self::DeniedByGpc => "denied_by_gpc",
            Self::DeniedByObjection => "denied_by_objection",
            Self::Expired => "expired",
            Self::FailedRequest => "failed_request",
            Self::HostDenied => "host_denied",
            Self::KeyMissing => "key_missing",
            Self::KindDenied => "kind_denied",
            Self::Malformed => "malformed",
            Self::NotAPage => "not_a_page",
            Self::RateLimited => "rate_limited",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::Unavailable => "unavailable",
            Self::UnknownSite => "unknown_site",
            Self::UnsupportedMedia => "unsupported_media",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_outcome_has_a_word_of_its_own() {
        let labels: HashSet<_> = Outcome::ALL.iter().map(|outcome| outcome.label()).collect();
        assert_eq!(labels.len(), Outcome::ALL.len());
    }
}
