//! The channel of a visit, by the rules of GA4's default groups: the first that fits.

use candor_event::Channel;

use super::hosts::{Category, Service};

/// What is known of the way by which a visit came; texts are in small letters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way<'a> {
    /// What the campaign calls its source, else the referring host.
    pub(super) source: &'a str,
    /// Who that is.
    pub(super) service: Option<Service>,
    pub(super) medium: &'a str,
    pub(super) campaign: &'a str,
    pub(super) click: Option<Click>,
}

/// Whose mark of a paid click the page's address has. The mark itself is kept nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Click {
    Bing,
    Google,
}

/// The channel of a visit that did not come from one of the site's own pages.
pub(super) fn channel(way: &Way<'_>) -> Channel {
    if way.campaign.contains("cross-network") {
        return Channel::CrossNetwork;
    }
    let is_shopping = way.comes_from(Category::Shopping) || names_shop(way.campaign);
    if is_shopping && way.is_paid() {
        return Channel::PaidShopping;
    }
    if way.is_paid_search_click() {
        return Channel::PaidSearch;
    }
    if way.is_paid() {
        match way.category() {
            Some(Category::Search) => return Channel::PaidSearch,
            Some(Category::Social) => return Channel::PaidSocial,
            Some(Category::Video) => return Channel::PaidVideo,
            _ => {}
        }
    }
    if ["display", "banner", "expandable", "interstitial", "cpm"].contains(&way.medium) {
        return Channel::Display;
    }
    if way.is_paid() {
        return Channel::PaidOther;
    }
    unpaid(way, is_shopping)
}

fn unpaid(way: &Way<'_>, is_shopping: bool) -> Channel {
    if is_shopping {
        Channel::OrganicShopping
    } else if way.comes_from(Category::Social) || is_social(way.medium) {
        Channel::OrganicSocial
    } else if way.comes_from(Category::Video) || way.medium.contains("video") {
        Channel::OrganicVideo
    } else if way.comes_from(Category::Assistant) || is_assistant(way.medium) {
        Channel::AiAssistants
    } else if way.comes_from(Category::Search) || way.medium == "organic" {
        Channel::OrganicSearch
    } else if way.comes_from(Category::Mail) || names_mail(way.source) || names_mail(way.medium) {
        Channel::Email
    } else if ["affiliate", "affiliates"].contains(&way.medium) {
        Channel::Affiliates
    } else if way.medium == "audio" {
        Channel::Audio
    } else if way.medium == "sms" || way.source == "sms" {
        Channel::Sms
    } else if is_push(way) {
        Channel::MobilePush
    } else if !way.source.is_empty() || ["referral", "app", "link"].contains(&way.medium) {
        Channel::Referral
    } else {
        Channel::Direct
    }
}

// === impl Way ===

impl Way<'_> {
    fn category(&self) -> Option<Category> {
        self.service.map(|service| service.category)
    }

    fn comes_from(&self, category: Category) -> bool {
        self.category() == Some(category)
    }

    fn is_paid(&self) -> bool {
        is_paid(self.medium) || self.service.is_some_and(|service| service.is_paid)
    }

    /// A click that the search engine itself marked as paid.
    fn is_paid_search_click(&self) -> bool {
        let of = |name| self.service.is_some_and(|service| service.name == name);
        let marked = match self.click {
            Some(Click::Bing) => of("Bing"),
            Some(Click::Google) => of("Google"),
            None => false,
        };
        marked && self.comes_from(Category::Search)
    }
}

/// `^(.*cp.*|ppc|retargeting|paid.*)$`
fn is_paid(medium: &str) -> bool {
    medium.contains("cp")
        || medium == "ppc"
        || medium == "retargeting"
        || medium.starts_with("paid")
}

/// `^(.*(([^a-df-z]|^)shop|shopping).*)$`: not a workshop, but an eshop.
fn names_shop(campaign: &str) -> bool {
    let begins_word = |at: usize| {
        let before = campaign.get(..at).and_then(|text| text.chars().next_back());
        before.is_none_or(|c| c == 'e' || !c.is_ascii_lowercase())
    };
    campaign.contains("shopping") || campaign.match_indices("shop").any(|(at, _)| begins_word(at))
}

fn is_social(medium: &str) -> bool {
    ["social", "social-network", "social-media", "sm", "social network", "social media"]
        .contains(&medium)
}

fn is_assistant(medium: &str) -> bool {
    ["ai", "ai-assistant", "ai assistant", "llm"].contains(&medium)
}

fn names_mail(text: &str) -> bool {
    let names = ["email", "e-mail", "e_mail", "e mail", "newsletter"];
    // What stands for an address that was not kept is not a name.
    text != "[e-mail]" && names.into_iter().any(|name| text.contains(name))
}

fn is_push(way: &Way<'_>) -> bool {
    way.medium.ends_with("push")
        || way.medium.contains("mobile")
        || way.medium.contains("notification")
        || way.source == "firebase"
}
