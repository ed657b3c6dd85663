//! The page's address: its path, the query parameters that the policy lists, the campaign. That a click
//! was paid for is read; whose click it was is not kept.

use std::borrow::Cow;

use candor_event::draft::{CampaignDraft, Facts};
use candor_event::{Field, FieldSet};

use super::channel::Click;
use super::text::{kept, kept_path, of_cow};
use crate::admit::Admitted;

/// The most of a path or of one value that is kept.
const PATH_BYTES_MAX: usize = 2_048;
const VALUE_BYTES_MAX: usize = 256;

/// What the page's query says of the way by which the visit came.
#[derive(Default)]
pub(super) struct Reading<'a> {
    /// With the source that any of its names gave.
    pub(super) campaign: CampaignDraft<'a>,
    pub(super) click: Option<Click>,
    source: Cow<'a, str>,
    referral: Cow<'a, str>,
}

/// Fills in path and query, and reads what the query says of a campaign when some field is made of it.
pub(super) fn fill<'a>(
    facts: &mut Facts<'a>,
    admitted: &'a Admitted<'_>,
    fields: FieldSet,
) -> Reading<'a> {
    if fields.contains(Field::Path) {
        facts.path = kept_path(admitted.policy, admitted.page.path(), PATH_BYTES_MAX);
    }
    let keeps_query = fields.contains(Field::Query);
    let of_campaign = [Field::Campaign, Field::Channel, Field::Source];
    let reads_campaign = of_campaign.into_iter().any(|field| fields.contains(field));
    let mut reading = Reading::default();
    let query = admitted.page.query().filter(|_| keeps_query || reads_campaign);
    for (name, value) in pairs(query.unwrap_or_default()) {
        if keeps_query && admitted.policy.keeps_query(&name) {
            facts.query.push((name.clone(), kept_value(value.clone())));
        }
        if reads_campaign {
            reading.add(&name, value);
        }
    }
    reading.settle();
    if fields.contains(Field::Campaign) {
        facts.campaign = reading.campaign.clone();
    }
    reading
}

fn kept_value(value: Cow<'_, str>) -> Cow<'_, str> {
    of_cow(value, |value| kept(value, VALUE_BYTES_MAX))
}

/// Names and values of a query: borrowed when nothing is escaped, as most are.
fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
        if pair.bytes().any(|c| matches!(c, b'%' | b'+')) {
            return form_urlencoded::parse(pair.as_bytes()).next();
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((name.into(), value.into()))
    })
}

// === impl Reading ===

impl<'a> Reading<'a> {
    fn add(&mut self, name: &str, value: Cow<'a, str>) {
        // Matomo's own names for them are read as well.
        let place = match name {
            "utm_source" | "mtm_source" | "pk_source" => &mut self.campaign.source,
            "utm_medium" | "mtm_medium" | "pk_medium" => &mut self.campaign.medium,
            "utm_campaign" | "mtm_campaign" | "pk_campaign" => &mut self.campaign.name,
            "utm_term" | "mtm_keyword" | "mtm_kwd" | "pk_keyword" | "pk_kwd" => {
                &mut self.campaign.term
            }
            "utm_content" | "mtm_content" | "pk_content" => &mut self.campaign.content,
            "source" => &mut self.source,
            "ref" => &mut self.referral,
            "gclid" | "gbraid" | "wbraid" => return self.click = Some(Click::Google),
            "msclkid" => return self.click = Some(Click::Bing),
            _ => return,
        };
        *place = kept_value(value);
    }

    /// A campaign whose source stands under another name has that one.
    fn settle(&mut self) {
        if self.campaign.source.is_empty() {
            let named = [&mut self.source, &mut self.referral];
            let named = named.into_iter().find(|source| !source.is_empty());
            self.campaign.source = named.map(std::mem::take).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    proptest! {
        #[test]
        fn pairs_are_those_of_the_url_standard(query in "([a-z%+=&;é]|%[0-9a-f]{2}){0,30}") {
            let page = Url::parse(&format!("https://a.example/?{query}")).unwrap();
            let want: Vec<_> = page.query_pairs().collect();
            prop_assert_eq!(pairs(page.query().unwrap()).collect::<Vec<_>>(), want);
        }
    }
}
