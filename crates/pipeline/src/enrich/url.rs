//! The page's address: its path, the query parameters that the policy lists, the campaign.

use candor_event::{Campaign, Event, Field, FieldSet, Pair};

use super::printable;
use crate::admit::Admitted;

/// The most of a path or of one value that is kept.
const PATH_BYTES_MAX: usize = 2_048;
const VALUE_BYTES_MAX: usize = 256;

pub(super) fn fill(event: &mut Event, admitted: &Admitted<'_>, fields: FieldSet) {
    if fields.contains(Field::Path) {
        event.path = cut(admitted.page.path(), PATH_BYTES_MAX);
    }
    if admitted.page.query().is_none() {
        return;
    }
    let keeps_query = fields.contains(Field::Query);
    let mut campaign = Campaign::default();
    let (mut source, mut referral) = (String::new(), String::new());
    for (name, value) in admitted.page.query_pairs() {
        let value = || cut(&printable(&value), VALUE_BYTES_MAX);
        if keeps_query && admitted.policy.keeps_query(&name) {
            event.query.push(Pair { name: name.clone().into_owned(), value: value() });
        }
        match name.as_ref() {
            "utm_source" => campaign.source = value(),
            "utm_medium" => campaign.medium = value(),
            "utm_campaign" => campaign.name = value(),
            "utm_term" => campaign.term = value(),
            "utm_content" => campaign.content = value(),
            "source" => source = value(),
            "ref" => referral = value(),
            _ => {}
        }
    }
    if campaign.source.is_empty() {
        campaign.source = if source.is_empty() { referral } else { source };
    }
    if fields.contains(Field::Campaign) && campaign != Campaign::default() {
        event.campaign = Some(campaign);
    }
}

pub(super) fn cut(text: &str, bytes_max: usize) -> String {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default().to_owned()
}
