//! An event while it is made.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::{Basis, Channel, Device, EventId, Field, FieldSet, Kind, PolicyVersion, StoredAddress};

/// What [`Event`](crate::Event) is, but its grants: borrowed from whatever it is made of, so that nothing is
/// copied but into its record ([`wire::write`](crate::wire::write)).
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "proto/candor/v1/event.proto says what each field is")]
pub struct Draft<'a> {
    pub id: EventId,
    pub site: &'a str,
    pub kind: Kind,
    pub received_at: i64,
    pub policy_version: PolicyVersion,
    pub key_epoch: u64,
    /// What a grant has to cover.
    pub facts: Facts<'a>,
}

/// The fields of the catalogue; empty is not kept. Few policies keep more parameters of a query than have room here.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "proto/candor/v1/event.proto says what each field is")]
pub struct Facts<'a> {
    pub name: Cow<'a, str>,
    pub path: Cow<'a, str>,
    pub query: SmallVec<[Named<'a>; 2]>,
    pub title: Cow<'a, str>,
    pub referrer_host: Cow<'a, str>,
    pub referrer_path: Cow<'a, str>,
    pub campaign: CampaignDraft<'a>,
    pub language: &'a str,
    pub screen_width: u32,
    pub screen_height: u32,
    pub browser: &'a str,
    pub browser_version: &'a str,
    pub os: &'a str,
    pub os_version: &'a str,
    pub device: Device,
    pub bot: &'a str,
    pub country: &'a str,
    pub region: &'a str,
    pub city: &'a str,
    pub network_number: u32,
    pub network: &'a str,
    pub address: Option<StoredAddress>,
    pub address_hash: Option<[u8; 16]>,
    pub visitor: Option<[u8; 16]>,
    pub visitor_previous: Option<[u8; 16]>,
    pub dwell_ms: u32,
    pub scroll_percent: Option<u32>,
    pub props: Vec<Named<'a>>,
    pub source: Cow<'a, str>,
    pub channel: Channel,
}

/// A name and its value.
pub type Named<'a> = (Cow<'a, str>, Cow<'a, str>);

/// What [`Campaign`](crate::Campaign) is, borrowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "proto/candor/v1/event.proto says what each field is")]
pub struct CampaignDraft<'a> {
    pub source: Cow<'a, str>,
    pub medium: Cow<'a, str>,
    pub name: Cow<'a, str>,
    pub term: Cow<'a, str>,
    pub content: Cow<'a, str>,
}

/// What [`Grant`](crate::Grant) is, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "proto/candor/v1/event.proto says what each field is")]
pub struct GrantDraft<'a> {
    pub purpose: &'a str,
    pub basis: Basis,
    pub expires_at: i64,
    pub fields: FieldSet,
}

impl Facts<'_> {
    /// Forgets every field that is not in `fields`: one that no grant covers is never encoded.
    pub fn retain(&mut self, fields: FieldSet) {
        for field in Field::ALL {
            if !fields.contains(field) {
                self.forget(field);
            }
        }
    }

    fn forget(&mut self, field: Field) {
        match field {
            Field::Path => self.path = Cow::default(),
            Field::Query => self.query.clear(),
            Field::Title => self.title = Cow::default(),
            Field::ReferrerHost => self.referrer_host = Cow::default(),
            Field::ReferrerPath => self.referrer_path = Cow::default(),
            Field::Campaign => self.campaign = CampaignDraft::default(),
            Field::Language => self.language = "",
            Field::Screen => (self.screen_width, self.screen_height) = (0, 0),
            Field::Browser => self.browser = "",
            Field::BrowserVersion => self.browser_version = "",
            Field::Os => self.os = "",
            Field::OsVersion => self.os_version = "",
            Field::Device => self.device = Device::Unspecified,
            Field::Bot => self.bot = "",
            Field::Country => self.country = "",
            Field::Region => self.region = "",
            Field::City => self.city = "",
            Field::Network => (self.network, self.network_number) = ("", 0),
            Field::Address => (self.address, self.address_hash) = (None, None),
            Field::Visitor => (self.visitor, self.visitor_previous) = (None, None),
            Field::Dwell => self.dwell_ms = 0,
            Field::Scroll => self.scroll_percent = None,
            Field::Props => {
                self.name = Cow::default();
                self.props.clear();
            }
            // Reserved for the consent ledger: nothing writes it yet.
            Field::ConsentRecord => {}
            Field::Source => self.source = Cow::default(),
            Field::Channel => self.channel = Channel::Unspecified,
        }
    }
}
