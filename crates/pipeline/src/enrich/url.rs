//! The page's address: its path, the query parameters that the policy lists, the campaign.

use candor_event::{Campaign, Event, Field, FieldSet, Pair};

use super::text::{kept, kept_path};
use crate::admit::Admitted;

/// The most of a path or of one value that is kept.
const PATH_BYTES_MAX: usize = 2_048;
const VALUE_BYTES_MAX: usize = 256;

/// A campaign, and the names that stand in for its source.
#[derive(Default)]
struct Reading {
    campaign: Campaign,
    source: String,
    referral: String,
}

pub(super) fn fill(event: &mut Event, admitted: &Admitted<'_>, fields: FieldSet) {
    if fields.contains(Field::Path) {
        event.path = kept_path(admitted.policy, admitted.page.path(), PATH_BYTES_MAX);
    }
    let keeps_query = fields.contains(Field::Query);
    let keeps_campaign = fields.contains(Field::Campaign);
    if admitted.page.query().is_none() || !(keeps_query || keeps_campaign) {
        return;
    }
    let mut reading = Reading::default();
    for (name, value) in admitted.page.query_pairs() {
        if keeps_query && admitted.policy.keeps_query(&name) {
            let value = kept(&value, VALUE_BYTES_MAX);
            event.query.push(Pair { name: name.clone().into_owned(), value });
        }
        if keeps_campaign {
            reading.add(&name, &value);
        }
    }
    event.campaign = reading.campaign();
}

// === impl Reading ===

impl Reading {
    fn add(&mut self, name: &str, value: &str) {
        let place = match name {
            "utm_source" => &mut self.campaign.source,
            "utm_medium" => &mut self.campaign.medium,
            "utm_campaign" => &mut self.campaign.name,
            "utm_term" => &mut self.campaign.term,
            "utm_content" => &mut self.campaign.content,
            "source" => &mut self.source,
            "ref" => &mut self.referral,
            _ => return,
        };
        *place = kept(value, VALUE_BYTES_MAX);
    }

    fn campaign(self) -> Option<Campaign> {
        let Self { mut campaign, source, referral } = self;
        let named = [source, referral].into_iter().find(|source| !source.is_empty());
        if let Some(source) = named.filter(|_| campaign.source.is_empty()) {
            campaign.source = source;
        }
        (campaign != Campaign::default()).then_some(campaign)
    }
}
