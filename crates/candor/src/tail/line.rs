//! One event as a line of JSON. The names are those of ClickHouse's columns; what an event does not have
//! is left out. Ids are hexadecimal, as they lie in the log: tables have another name for each purpose.

use std::collections::BTreeMap;
use std::fmt;

use candor_event::{Basis, Channel, Device, Event, FieldSet, Grant, Kind, Pair};
use candor_transport::SpillMark;
use serde::{Serialize, Serializer};

use super::time::Moment;

/// An event and its place.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    partition: u32,
    offset: u64,
    /// The event's place in its record.
    index: usize,
    #[serde(flatten)]
    spill: Option<SpillLine>,
    event_id: Hex<'a>,
    site: &'a str,
    kind: &'static str,
    received_at: Moment,
    policy_version: Hex<'a>,
    grants: Vec<GrantLine<'a>>,
    #[serde(skip_serializing_if = "Hex::is_empty")]
    consent_record: Hex<'a>,
    /// As text: many readers of JSON round numbers above 2^53.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_epoch: Option<String>,
    #[serde(flatten)]
    page: Page<'a>,
    #[serde(flatten)]
    client: Client<'a>,
    #[serde(flatten)]
    origin: Origin<'a>,
}

/// By which spill it came.
#[derive(Debug, Serialize)]
struct SpillLine {
    spill: String,
    spill_sequence: u64,
}

/// A record that holds no event that this version can read.
#[derive(Debug, Serialize)]
pub(super) struct Undecoded {
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) bytes: usize,
    /// The word for it in metrics and in the quarantine.
    pub(super) reason: &'static str,
    pub(super) problem: String,
}

/// Who may keep which fields, why, and until when.
#[derive(Debug, Serialize)]
struct GrantLine<'a> {
    purpose: &'a str,
    basis: &'static str,
    expires_at: Moment,
    fields: Vec<&'static str>,
}

/// What was looked at, and where from.
#[derive(Debug, Serialize)]
struct Page<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    path: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    title: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    referrer_host: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    referrer_path: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    campaign_source: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    campaign_medium: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    campaign_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    campaign_term: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    campaign_content: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    source: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    channel: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    dwell_ms: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    scroll_percent: Option<u32>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    props: BTreeMap<&'a str, &'a str>,
}

/// What it was looked at with.
#[derive(Debug, Serialize)]
struct Client<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    language: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    screen_width: u32,
    #[serde(skip_serializing_if = "is_zero")]
    screen_height: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    browser: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    browser_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    os: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    os_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    device: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    bot: &'a str,
}

/// Where from, and under which pseudonym.
#[derive(Debug, Serialize)]
struct Origin<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    country: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    region: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    city: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    network_number: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    network: &'a str,
    /// The network part of the address, which is all that is ever kept: `192.0.2.0/24`.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Hex::is_empty")]
    address_hash: Hex<'a>,
    #[serde(skip_serializing_if = "Hex::is_empty")]
    visitor: Hex<'a>,
    #[serde(skip_serializing_if = "Hex::is_empty")]
    visitor_previous: Hex<'a>,
}

/// Bytes in hexadecimal.
#[derive(Clone, Copy, Debug)]
struct Hex<'a>(&'a [u8]);

// === impl Line ===

impl<'a> Line<'a> {
    pub(super) fn of(partition: u32, offset: u64, index: usize, event: &'a Event) -> Self {
        Self {
            partition,
            offset,
            index,
            spill: None,
            event_id: Hex(&event.id),
            site: &event.site,
            kind: Kind::try_from(event.kind).unwrap_or_default().label(),
            received_at: Moment(event.received_at),
            policy_version: Hex(&event.policy_version),
            grants: event.grants.iter().map(GrantLine::of).collect(),
            consent_record: Hex(&event.consent_record),
            key_epoch: (event.key_epoch != 0).then(|| event.key_epoch.to_string()),
            page: Page::of(event),
            client: Client::of(event),
            origin: Origin::of(event),
        }
    }

    /// The same, come by a spill.
    pub(super) fn spilled(self, mark: Option<SpillMark>) -> Self {
        let line = |SpillMark { id, sequence }| SpillLine {
            spill: id.to_string(),
            spill_sequence: sequence,
        };
        Self { spill: mark.map(line), ..self }
    }
}

impl<'a> GrantLine<'a> {
    fn of(grant: &'a Grant) -> Self {
        let fields = FieldSet::from_bits(grant.fields).unwrap_or_default();
        Self {
            purpose: &grant.purpose,
            basis: Basis::try_from(grant.basis).unwrap_or_default().label(),
            expires_at: Moment(grant.expires_at),
            fields: fields.iter().map(candor_event::Field::label).collect(),
        }
    }
}

impl<'a> Page<'a> {
    fn of(event: &'a Event) -> Self {
        let campaign = event.campaign.as_ref();
        Self {
            name: &event.name,
            path: &event.path,
            query: map(&event.query),
            title: &event.title,
            referrer_host: &event.referrer_host,
            referrer_path: &event.referrer_path,
            campaign_source: campaign.map_or("", |campaign| &campaign.source),
            campaign_medium: campaign.map_or("", |campaign| &campaign.medium),
            campaign_name: campaign.map_or("", |campaign| &campaign.name),
            campaign_term: campaign.map_or("", |campaign| &campaign.term),
            campaign_content: campaign.map_or("", |campaign| &campaign.content),
            source: &event.source,
            channel: Channel::try_from(event.channel).unwrap_or_default().label(),
            dwell_ms: event.dwell_ms,
            scroll_percent: event.scroll_percent,
            props: map(&event.props),
        }
    }
}

impl<'a> Client<'a> {
    fn of(event: &'a Event) -> Self {
        Self {
            language: &event.language,
            screen_width: event.screen_width,
            screen_height: event.screen_height,
            browser: &event.browser,
            browser_version: &event.browser_version,
            os: &event.os,
            os_version: &event.os_version,
            device: Device::try_from(event.device).unwrap_or_default().label(),
            bot: &event.bot,
        }
    }
}

impl<'a> Origin<'a> {
    fn of(event: &'a Event) -> Self {
        Self {
            country: &event.country,
            region: &event.region,
            city: &event.city,
            network_number: event.network_number,
            network: &event.network,
            address: network_part(event),
            address_hash: Hex(&event.address_hash),
            visitor: Hex(&event.visitor),
            visitor_previous: Hex(&event.visitor_previous),
        }
    }
}

impl Hex<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[expect(clippy::disallowed_types, reason = "how the network part of an address is written")]
fn network_part(event: &Event) -> Option<String> {
    use std::net::Ipv6Addr;

    let octets: [u8; 16] = event.address.as_slice().try_into().ok()?;
    let address = Ipv6Addr::from(octets);
    let prefix = event.address_prefix;
    Some(match address.to_ipv4_mapped() {
        Some(v4) => format!("{v4}/{prefix}"),
        None => format!("{address}/{prefix}"),
    })
}

fn map(pairs: &[Pair]) -> BTreeMap<&str, &str> {
    pairs.iter().map(|pair| (pair.name.as_str(), pair.value.as_str())).collect()
}

fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}
