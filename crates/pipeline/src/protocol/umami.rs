//! Umami: an event, or an array of them, as JSON.

use candor_policy::Denial;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use url::Url;

use super::{Read, drawn, elements, may, must, object, scalar, take};
use crate::beacon::{Beacon, Props, Text};
use crate::rejection::Rejection;

pub(super) fn read(body: &[u8]) -> Read<'_> {
    if body.trim_ascii_start().first() != Some(&b'[') {
        return Read::one(event(body));
    }
    let array = serde_json::from_slice::<Vec<&RawValue>>(body);
    let array = array.map_err(|_| Rejection::Malformed);
    Read::each(array.and_then(|array| elements(&array, |text| event(text.as_bytes()))))
}

fn event(body: &[u8]) -> Result<Beacon<'static>, Rejection> {
    let mut event = object(body)?;
    let payload = event.remove("payload");
    let Some(Value::Object(payload)) = payload else {
        return Err(Rejection::Malformed);
    };
    match event.get("type").and_then(Value::as_str) {
        Some("event") => beacon(payload),
        // Who somebody is, and how fast a page was: of kinds that no purpose keeps.
        Some("identify" | "performance") => Err(Rejection::Denied(Denial::Kind)),
        _ => Err(Rejection::Malformed),
    }
}

/// Without a name it is a page view.
fn beacon(mut payload: Map<String, Value>) -> Result<Beacon<'static>, Rejection> {
    let mut text = |name: &str| take(&mut payload, &[name]);
    let website = must(text("website").map(|id| id.to_ascii_lowercase()))?;
    let page = page(text("url"), text("hostname"))?;
    let name = text("name");
    let mut beacon = Beacon {
        site: website,
        kind: Text::new(if name.is_some() { "custom" } else { "pageview" }),
        url: must(Some(page))?,
        referrer: may(text("referrer")),
        title: may(text("title")),
        screen: may(text("screen")),
        language: may(text("language")),
        visitor: text("id").and_then(drawn),
        ..Beacon::default()
    };
    if name.is_some() {
        beacon.name = Some(must(name)?);
        let tag = text("tag");
        beacon.props = props(payload.remove("data"), tag);
    }
    Ok(beacon)
}

/// A page is a whole address, or a path beside the name of its host.
fn page(url: Option<String>, hostname: Option<String>) -> Result<String, Rejection> {
    let url = url.unwrap_or_default();
    if Url::parse(&url).is_ok() {
        return Ok(url);
    }
    let host = hostname.ok_or(Rejection::Malformed)?;
    // Nothing but a name can stand where a name is expected.
    if host.contains(['/', '\\', '?', '#', '@']) {
        return Err(Rejection::Malformed);
    }
    Ok(format!("http://{host}/{}", url.trim_start_matches('/')))
}

fn props(data: Option<Value>, tag: Option<String>) -> Props<'static> {
    let mut props = Props::default();
    if let Some(tag) = tag {
        props.push("tag", tag);
    }
    if let Some(Value::Object(data)) = data {
        for (name, value) in data {
            if let Some(value) = scalar(value) {
                props.push(name, value);
            }
        }
    }
    props
}
