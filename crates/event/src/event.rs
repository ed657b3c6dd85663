//! What the generated types do beyond carrying values.

use crate::{Basis, Channel, Device, Kind};

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
