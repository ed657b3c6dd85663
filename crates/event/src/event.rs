//! What the generated types do beyond carrying values.

use crate::{Basis, Channel, Device, Event, Field, FieldSet, Kind};

impl Event {
    /// Forgets every field that is not in `fields`. A field that no grant covers is never encoded, and
    /// a table gets no field that its own grant does not cover.
    pub fn retain(&mut self, fields: FieldSet) {
        for field in Field::ALL {
            if !fields.contains(field) {
                self.forget(field);
            }
        }
    }

    fn forget(&mut self, field: Field) {
        match field {
            Field::Path => self.path.clear(),
            Field::Query => self.query.clear(),
            Field::Title => self.title.clear(),
            Field::ReferrerHost => self.referrer_host.clear(),
            Field::ReferrerPath => self.referrer_path.clear(),
            Field::Campaign => self.campaign = None,
            Field::Language => self.language.clear(),
            Field::Screen => (self.screen_width, self.screen_height) = (0, 0),
            Field::Browser => self.browser.clear(),
            Field::BrowserVersion => self.browser_version.clear(),
            Field::Os => self.os.clear(),
            Field::OsVersion => self.os_version.clear(),
            Field::Device => self.device = Device::Unspecified.into(),
            Field::Bot => self.bot.clear(),
            Field::Country => self.country.clear(),
            Field::Region => self.region.clear(),
            Field::City => self.city.clear(),
            Field::Network => {
                self.network.clear();
                self.network_number = 0;
            }
            Field::Address => {
                self.address.clear();
                self.address_prefix = 0;
                self.address_hash.clear();
            }
            Field::Visitor => {
                self.visitor.clear();
                self.visitor_previous.clear();
            }
            Field::Dwell => self.dwell_ms = 0,
            Field::Scroll => self.scroll_percent = None,
            Field::Props => {
                self.name.clear();
                self.props.clear();
            }
            Field::ConsentRecord => self.consent_record.clear(),
            Field::Source => self.source.clear(),
            Field::Channel => self.channel = Channel::Unspecified.into(),
        }
    }
}

impl Kind {
    /// All kinds that are written.
    pub const ALL: [Self; 8] = [
        Self::Pageview,
        Self::Engagement,
        Self::Click,
        Self::Download,
        Self::Form,
        Self::Login,
        Self::Chat,
        Self::Custom,
    ];

    /// The word for it in beacons and tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::Pageview => "pageview",
            Self::Engagement => "engagement",
            Self::Click => "click",
            Self::Download => "download",
            Self::Form => "form",
            Self::Login => "login",
            Self::Chat => "chat",
            Self::Custom => "custom",
        }
    }

    /// The kind of that name.
    pub fn parse(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.label() == label)
    }
}

impl Basis {
    /// All bases that are written.
    pub const ALL: [Self; 5] = [
        Self::Consent,
        Self::LegitimateInterest,
        Self::Contract,
        Self::Exemption,
        Self::OperatorAsserted,
    ];

    /// The word for it in policy files and tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::Consent => "consent",
            Self::LegitimateInterest => "legitimate-interest",
            Self::Contract => "contract",
            Self::Exemption => "exemption",
            Self::OperatorAsserted => "operator-asserted",
        }
    }
}

impl Device {
    /// The word for it in tables; empty when unknown.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Tv => "tv",
            Self::Console => "console",
            Self::Wearable => "wearable",
        }
    }
}

impl Channel {
    /// The word for it in tables: that of GA4's default groups; empty when there is none.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::CrossNetwork => "Cross-network",
            Self::PaidShopping => "Paid Shopping",
            Self::PaidSearch => "Paid Search",
            Self::PaidSocial => "Paid Social",
            Self::PaidVideo => "Paid Video",
            Self::Display => "Display",
            Self::PaidOther => "Paid Other",
            Self::OrganicShopping => "Organic Shopping",
            Self::OrganicSocial => "Organic Social",
            Self::OrganicVideo => "Organic Video",
            Self::AiAssistants => "AI Assistants",
            Self::OrganicSearch => "Organic Search",
            Self::Email => "Email",
            Self::Affiliates => "Affiliates",
            Self::Audio => "Audio",
            Self::Sms => "SMS",
            Self::MobilePush => "Mobile Push Notifications",
            Self::Referral => "Referral",
            Self::Direct => "Direct",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Campaign, Pair, wire};

    fn full() -> Event {
        let text = || "x".to_owned();
        let pairs = || vec![Pair { name: text(), value: text() }];
        Event {
            consent_record: vec![1; 16],
            name: text(),
            path: text(),
            query: pairs(),
            title: text(),
            referrer_host: text(),
            referrer_path: text(),
            campaign: Some(Campaign { source: text(), ..Campaign::default() }),
            language: text(),
            screen_width: 1,
            screen_height: 1,
            browser: text(),
            browser_version: text(),
            os: text(),
            os_version: text(),
            device: Device::Tv.into(),
            bot: text(),
            country: text(),
            region: text(),
            city: text(),
            network_number: 1,
            network: text(),
            address: vec![1; 16],
            address_prefix: 24,
            address_hash: vec![1; 16],
            visitor: vec![1; 16],
            visitor_previous: vec![1; 16],
            dwell_ms: 1,
            scroll_percent: Some(1),
            props: pairs(),
            source: text(),
            channel: Channel::Direct.into(),
            ..Event::default()
        }
    }

    #[test]
    fn nothing_is_left_when_no_field_is_granted() {
        let mut event = full();
        event.retain(FieldSet::EMPTY);
        assert_eq!(event, Event::default());
        assert_eq!(wire::encode(&event).len(), 2, "an empty event has no bytes of its own");
    }

    #[test]
    fn each_field_alone_changes_the_event() {
        for field in Field::ALL {
            let mut event = full();
            event.retain(FieldSet::of(&[field]));
            assert_ne!(event, Event::default(), "{}", field.label());
        }
    }
}
