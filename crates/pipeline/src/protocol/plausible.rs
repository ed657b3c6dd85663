//! Plausible's events API: one event, as JSON whatever its content type, with short or long keys.

use std::borrow::Cow;

use serde_json::{Map, Value};
use url::Url;

use super::{Read, may, must, object, scalar, take};
use crate::beacon::{Beacon, Props, Text};
use crate::rejection::Rejection;

/// The names under which Plausible's scripts send what they notice themselves.
const KINDS: [(&str, &str); 5] = [
    ("pageview", "pageview"),
    ("engagement", "engagement"),
    ("File Download", "download"),
    ("Form: Submission", "form"),
    ("Outbound Link: Click", "click"),
];
/// Longer than anybody looks at a page: 30 days.
const ENGAGED_MS_MAX: u64 = 2_592_000_000;
/// An event can be of several sites.
const DOMAINS_MAX: usize = 8;

pub(super) fn read(body: &[u8]) -> Read<'_> {
    match event(body) {
        Ok((domains, beacon)) => {
            let of_site = |site| Ok(Beacon { site, ..beacon.clone() });
            Read {
                beacons: domains.into_iter().map(of_site).collect(),
                ..Read::one(Ok(Beacon::default()))
            }
        }
        Err(rejection) => Read::one(Err(rejection)),
    }
}

/// The sites, and a beacon that names none of them.
fn event(body: &[u8]) -> Result<(Vec<Text<'static, 64>>, Beacon<'static>), Rejection> {
    let mut event = object(body)?;
    let name: Text<'static, 120> = must(take(&mut event, &["n", "name"]))?;
    let page = take(&mut event, &["u", "url"]).ok_or(Rejection::Malformed)?;
    let page = Url::parse(&page).map_err(|_| Rejection::Malformed)?;
    let domains = domains(take(&mut event, &["d", "domain"]), &page)?;
    let kind = KINDS.iter().find(|(theirs, _)| *theirs == name.as_str()).map(|(_, ours)| *ours);
    let mut beacon = Beacon {
        kind: Text::new(kind.unwrap_or("custom")),
        url: must(Some(address(page, &event)))?,
        referrer: may(take(&mut event, &["r", "referrer"])),
        name: kind.is_none().then_some(name),
        props: props(&mut event),
        ..Beacon::default()
    };
    if kind == Some("engagement") {
        let number = |name| event.get(name).and_then(Value::as_u64);
        let engaged = number("e").filter(|ms| *ms < ENGAGED_MS_MAX);
        beacon.dwell_ms = engaged.and_then(|ms| u32::try_from(ms).ok());
        let scrolled = number("sd").filter(|percent| *percent <= 100);
        beacon.scroll_percent = scrolled.and_then(|percent| u32::try_from(percent).ok());
        if beacon.dwell_ms.is_none() && beacon.scroll_percent.is_none() {
            return Err(Rejection::Malformed);
        }
    }
    Ok((domains, beacon))
}

/// The sites of an event: a list with commas, or the page's own host.
fn domains(list: Option<String>, page: &Url) -> Result<Vec<Text<'static, 64>>, Rejection> {
    let host = page.host_str().map(|host| host.strip_prefix("www.").unwrap_or(host).to_owned());
    let list = list.or(host).ok_or(Rejection::Malformed)?;
    let names = list.split(',').map(|name| must(Some(name.trim().to_ascii_lowercase())));
    let names: Vec<_> = names.take(DOMAINS_MAX + 1).collect::<Result<_, _>>()?;
    if names.len() > DOMAINS_MAX { Err(Rejection::TooLarge) } else { Ok(names) }
}

/// The page's address. Where pages are told apart by what follows the `#`, that is a part of the path; the
/// parameters in it are not.
fn address(mut page: Url, event: &Map<String, Value>) -> String {
    let says_hash = ["h", "hashMode"].iter().find_map(|name| event.get(*name));
    let by_hash = says_hash.is_some_and(|mode| matches!(mode.to_string().as_str(), "1" | "true"));
    if let Some(fragment) = page.fragment().filter(|_| by_hash) {
        let step = fragment.split('?').next().unwrap_or_default();
        let path = format!("{}#{step}", page.path());
        page.set_path(&path);
    }
    page.set_fragment(None);
    page.into()
}

/// Properties, as an object or as its JSON, and revenue.
fn props(event: &mut Map<String, Value>) -> Props<'static> {
    let mut props = Props::default();
    let said =
        ["p", "props", "m", "meta"].iter().find_map(|name| event.remove(*name).and_then(map));
    for (name, value) in said.unwrap_or_default() {
        if let Some(value) = scalar(value) {
            props.push(name, value);
        }
    }
    let revenue = ["$", "revenue"].iter().find_map(|name| event.remove(*name).and_then(map));
    let mut revenue = revenue.unwrap_or_default();
    for (theirs, ours) in [("amount", "revenue_amount"), ("currency", "revenue_currency")] {
        if let Some(value) = take(&mut revenue, &[theirs]) {
            props.push(Cow::Borrowed(ours), value);
        }
    }
    props
}

fn map(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map),
        Value::String(text) => serde_json::from_str(&text).ok(),
        _ => None,
    }
}
