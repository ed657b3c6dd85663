//! Why a beacon is not kept.

use candor_event::Outcome;
use candor_policy::Denial;

/// Expected, one per beacon, and carries nothing of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Too much is being read at the moment.
    Busy,
    /// The policy's gate said no.
    Denied(Denial),
    /// The request in the access log had failed.
    FailedRequest,
    /// The page's host or the `Origin` is none of the site's.
    HostDenied,
    /// No key to anonymise with.
    KeyMissing,
    /// Cannot be read.
    Malformed,
    /// The request in the access log was not for a page.
    NotAPage,
    /// Too many bytes or beacons.
    TooLarge,
    /// The bytes did not come in time.
    TooSlow,
    /// No policy names the site.
    UnknownSite,
    /// A content type that is not read.
    UnsupportedMedia,
}

impl Rejection {
    /// The outcome that it is counted as.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Busy => Outcome::Unavailable,
            Self::Denied(denial) => denial.outcome(),
            Self::FailedRequest => Outcome::FailedRequest,
            Self::HostDenied => Outcome::HostDenied,
            Self::KeyMissing => Outcome::KeyMissing,
            Self::Malformed => Outcome::Malformed,
            Self::NotAPage => Outcome::NotAPage,
            Self::TooLarge => Outcome::TooLarge,
            Self::TooSlow => Outcome::TooSlow,
            Self::UnknownSite => Outcome::UnknownSite,
            Self::UnsupportedMedia => Outcome::UnsupportedMedia,
        }
    }
}
