//! Asks the site's policy what may be kept. The answer is a permit: only an [`Admitted`] can be
//! anonymised and enriched.

use candor_event::{Kind, Site, Timestamp};
use candor_policy::{
    Admission, Consent as GateConsent, Policy, Protocol, Registry, Request, Scripts, Signals,
};

use crate::beacon::{Beacon, Consent};
use crate::head::{Head, SentBy};
use crate::rejection::Rejection;
use crate::web_url::WebUrl;

/// A beacon that at least one purpose may keep.
pub(crate) struct Admitted<'a> {
    pub(crate) site: &'a Site,
    pub(crate) policy: &'a Policy,
    pub(crate) admission: Admission<'a>,
    pub(crate) kind: Kind,
    pub(crate) page: WebUrl<'a>,
    pub(crate) received_at: Timestamp,
}

/// Where a beacon came in: at the door, in whatever protocol, or in an access log that its operator
/// vouches for.
#[derive(Clone, Copy)]
pub(crate) enum Door {
    /// Sent by a browser, now.
    Beacon,
    /// The same in another product's protocol, which has ids of its own for sites.
    Foreign(Protocol),
    /// Read from a log.
    Import {
        /// When the line was written.
        received_at: Timestamp,
    },
}

/// Finds the site's policy, checks that the page is the site's, and asks the gate.
pub(crate) fn admit<'a>(
    registry: &'a Registry,
    beacon: &'a Beacon<'_>,
    head: &Head<'_>,
    door: Door,
    now: Timestamp,
) -> Result<Admitted<'a>, Rejection> {
    let kind = kind(beacon)?;
    let name = beacon.site.as_str();
    let found = match door {
        Door::Beacon | Door::Import { .. } => registry.site(name),
        Door::Foreign(protocol) => registry.foreign_site(protocol, name),
    };
    let (site, policy) = found.ok_or(Rejection::UnknownSite)?;
    let page = WebUrl::parse(beacon.url.as_str()).ok_or(Rejection::Malformed)?;
    let (received_at, asserted_by_operator) = match door {
        Door::Beacon => {
            check_host(policy, site, &page, head)?;
            (now, false)
        }
        Door::Foreign(_) => {
            check_host(policy, site, &page, head)?;
            (now, comes_after_consent(policy, site))
        }
        Door::Import { received_at } => (received_at.min(now), true),
    };
    let answer = |purpose: &str| match &beacon.consent {
        Consent::PerPurpose(map) => Consent::of(map, purpose),
        Consent::Absent | Consent::All(_) => None,
    };
    let admission = policy
        .admit(&Request {
            kind,
            signals: Signals { objection: beacon.objects(), ..head.signals },
            consent: match &beacon.consent {
                _ if matches!(door, Door::Foreign(_)) => GateConsent::All(asserted_by_operator),
                Consent::Absent => GateConsent::Absent,
                Consent::All(given) => GateConsent::All(*given),
                Consent::PerPurpose(_) => GateConsent::PerPurpose(&answer),
            },
            received_at,
            now,
            asserted_by_operator,
        })
        .map_err(Rejection::Denied)?;
    Ok(Admitted { site, policy, admission, kind, page, received_at })
}

/// A beacon without a kind is a page view, or, when it has a name, a custom event.
fn kind(beacon: &Beacon<'_>) -> Result<Kind, Rejection> {
    let Some(word) = &beacon.kind else {
        return Ok(if beacon.name.is_some() { Kind::Custom } else { Kind::Pageview });
    };
    match Kind::parse(word.as_str()) {
        Some(Kind::Custom) if beacon.name.is_none() => Err(Rejection::Malformed),
        Some(kind) => Ok(kind),
        None => Err(Rejection::Malformed),
    }
}

/// Other protocols do not tell of consent. Their beacons have one when the controller says that the
/// script which sends them is loaded only with it.
fn comes_after_consent(policy: &Policy, site: &Site) -> bool {
    policy.site(site).is_some_and(|entry| entry.scripts() == Scripts::AfterConsent)
}

/// The page must be one of the site's, and so must whoever sent the beacon: by the `Origin`, when the browser
/// names one, or else, as for images, by what it says of the page that it was loaded for. Nobody sends beacons
/// by following a link.
fn check_host(
    policy: &Policy,
    site: &Site,
    page: &WebUrl<'_>,
    head: &Head<'_>,
) -> Result<(), Rejection> {
    if !page.is_web() {
        return Err(Rejection::HostDenied);
    }
    let allowed = |url: &WebUrl<'_>| url.host().is_some_and(|host| policy.allows_host(site, host));
    // An `Origin` is mostly the page's own, word for word, and need not be read again.
    let is_own = |url: &str| url == page.origin();
    let names_ours = |url: &str| is_own(url) || WebUrl::parse(url).is_some_and(|url| allowed(&url));
    let from_here = match (head.origin, head.sent_by) {
        (Some(origin), _) => names_ours(origin),
        (None, SentBy::OwnOrigin | SentBy::Unsaid) => true,
        (None, SentBy::OtherOrigin) => head.referer.is_none_or(names_ours),
        (None, SentBy::Hand) => false,
    };
    if from_here && allowed(page) { Ok(()) } else { Err(Rejection::HostDenied) }
}
