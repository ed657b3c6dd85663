//! Where a visit came from, and by which kind of way: from the campaign, else from the page that linked
//! here. A page of the site's own that links to another says nothing of that.

use std::borrow::Cow;

use candor_event::draft::Facts;
use candor_event::{Field, FieldSet};

use super::channel::{Click, Way, channel};
use super::hosts;
use super::referrer::Referrer;
use super::text::{kept_host, of_cow};
use super::url::Reading;

pub(super) fn fill<'a>(
    facts: &mut Facts<'a>,
    reading: &Reading<'a>,
    referrer: &'a Referrer<'_>,
    fields: FieldSet,
) {
    if !fields.contains(Field::Source) && !fields.contains(Field::Channel) {
        return;
    }
    let campaign = &reading.campaign;
    let named = [&campaign.source, &campaign.medium, &campaign.name];
    if matches!(referrer, Referrer::Own) && named.iter().all(|text| text.is_empty()) {
        return;
    }
    let [named, medium, campaign] = named.map(lowercase);
    let host = referrer.host().filter(|host| *host != "localhost").unwrap_or_default();
    let source = if named.is_empty() { host } else { &named };
    let service = match (source, referrer, reading.click) {
        ("", Referrer::Absent, Some(Click::Bing)) => hosts::of_word("bing"),
        ("", Referrer::Absent, Some(Click::Google)) => hosts::of_word("google"),
        _ if named.is_empty() => hosts::of_host(host),
        _ => hosts::of_word(&named),
    };
    let way = Way { source, service, medium: &medium, campaign: &campaign, click: reading.click };
    if fields.contains(Field::Channel) {
        facts.channel = channel(&way);
    }
    if fields.contains(Field::Source) {
        facts.source = match (service, named) {
            (Some(service), _) => service.name.into(),
            (None, named) if named.is_empty() => kept_host(host),
            (None, named) => of_cow(named, kept_host),
        };
    }
}

/// As it is when there is nothing to change.
fn lowercase<'a>(text: &Cow<'a, str>) -> Cow<'a, str> {
    if text.chars().any(char::is_uppercase) {
        Cow::Owned(text.to_lowercase())
    } else {
        text.clone()
    }
}
