//! Matomo's tracking API: parameters in the query or in a form, or a list of them as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Call, Read, Reply, drawn, elements, may, must, scalar, within};
use crate::beacon::{Beacon, Props, Text};
use crate::rejection::Rejection;

/// Of a parameter that comes twice the last counts.
type Params<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

/// What is kept of an event, a search, a goal, an order or a piece of content, by Matomo's names and ours.
const EVENT: &[(&str, &str)] = &[("e_c", "category"), ("e_n", "name"), ("e_v", "value")];
const SEARCH: &[(&str, &str)] =
    &[("search", "keyword"), ("search_cat", "category"), ("search_count", "count")];
const GOAL: &[(&str, &str)] = &[("idgoal", "goal"), ("revenue", "revenue")];
const ORDER: &[(&str, &str)] = &[
    ("revenue", "revenue"),
    ("ec_st", "subtotal"),
    ("ec_tx", "tax"),
    ("ec_sh", "shipping"),
    ("ec_dt", "discount"),
];
const CONTENT: &[(&str, &str)] =
    &[("c_n", "name"), ("c_p", "piece"), ("c_t", "target"), ("c_i", "interaction")];

#[derive(Deserialize)]
struct Bulk<'a> {
    #[serde(borrow)]
    requests: Vec<&'a RawValue>,
}

pub(super) fn read<'a>(call: Call<'a>, page: Option<&'a str>) -> Read<'a> {
    if call.body.trim_ascii_start().first() == Some(&b'{') {
        return bulk(call.body);
    }
    if let Err(rejection) = within(call.body) {
        return Read::one(Err(rejection));
    }
    // What stands in the query counts before what stands in the form.
    let form = form_urlencoded::parse(call.body);
    let params: Params<'_> = form.chain(form_urlencoded::parse(call.query.as_bytes())).collect();
    let is_silent = params.get("send_image").is_some_and(|answer| answer == "0");
    let reply = if is_silent { Reply::Silent } else { Reply::One };
    Read { reply, ..Read::one(beacon(params, page)) }
}

fn bulk(body: &[u8]) -> Read<'_> {
    let bulk = serde_json::from_slice::<Bulk<'_>>(body).map_err(|_| Rejection::Malformed);
    Read::each(bulk.and_then(|bulk| elements(&bulk.requests, request)))
}

/// A request of a list: a query as text, or its parameters as an object.
fn request(json: &str) -> Result<Beacon<'static>, Rejection> {
    let params = match serde_json::from_str(json).map_err(|_| Rejection::Malformed)? {
        Value::String(query) => of_query(&query),
        Value::Object(params) => of_object(params),
        _ => return Err(Rejection::Malformed),
    };
    beacon(params, None)
}

fn of_query(query: &str) -> Params<'static> {
    let query = query.split_once('?').map_or(query, |(_, query)| query);
    let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (owned(name), owned(value)))
        .collect()
}

fn of_object(params: Map<String, Value>) -> Params<'static> {
    let scalars = params.into_iter().filter_map(|(name, value)| Some((name, scalar(value)?)));
    scalars.map(|(name, value)| (Cow::Owned(name), Cow::Owned(value))).collect()
}

/// Only what is said to be a record is one.
fn beacon<'a>(mut params: Params<'a>, page: Option<&'a str>) -> Result<Beacon<'a>, Rejection> {
    let mut take = |name: &str| params.remove(name).filter(|value| !value.is_empty());
    if take("rec").is_none_or(|rec| rec != "1") {
        return Err(Rejection::Malformed);
    }
    let visitor = [take("cid"), take("_id")].into_iter().flatten().find_map(drawn);
    let mut beacon = Beacon {
        site: must(take("idsite"))?,
        url: must(take("url").or_else(|| page.map(Cow::Borrowed)))?,
        title: may(take("action_name")),
        referrer: may(take("urlref")),
        screen: may(take("res")),
        language: may(take("lang")),
        visitor,
        ..Beacon::default()
    };
    happened(&mut beacon, &mut params)?;
    for (name, value) in params {
        if name.strip_prefix("dimension").is_some_and(is_number) {
            beacon.props.push(name, value);
        }
    }
    Ok(beacon)
}

/// What happened on the page, when it was not merely looked at.
fn happened<'a>(beacon: &mut Beacon<'a>, params: &mut Params<'a>) -> Result<(), Rejection> {
    let has = |name: &str| params.get(name).is_some_and(|value| !value.is_empty());
    let (kind, name, kept) = if has("ping") {
        ("engagement", None, [].as_slice())
    } else if has("link") {
        ("click", None, [("link", "url")].as_slice())
    } else if has("download") {
        ("download", None, [("download", "url")].as_slice())
    } else if has("e_c") || has("e_a") {
        ("custom", Some(must(params.remove("e_a").filter(|name| !name.is_empty()))?), EVENT)
    } else if has("search") {
        ("custom", Text::new("search"), SEARCH)
    } else if has("c_n") {
        ("custom", Text::new("content"), CONTENT)
    } else if has("idgoal") {
        order_or_goal(params)
    } else {
        ("pageview", None, [].as_slice())
    };
    beacon.kind = Text::new(kind);
    beacon.name = name;
    beacon.props = props(params, kept);
    Ok(())
}

/// Goal 0 is the shop: an order has an id, which is not kept, and a cart has none.
fn order_or_goal<'a>(
    params: &Params<'a>,
) -> (&'static str, Option<Text<'a, 120>>, &'static [(&'static str, &'static str)]) {
    let is_shop = params.get("idgoal").is_some_and(|goal| goal == "0");
    match (is_shop, params.contains_key("ec_id")) {
        (true, true) => ("custom", Text::new("order"), ORDER),
        (true, false) => ("custom", Text::new("cart"), ORDER),
        (false, _) => ("custom", Text::new("goal"), GOAL),
    }
}

fn props<'a>(params: &mut Params<'a>, kept: &[(&'static str, &'static str)]) -> Props<'a> {
    let mut props = Props::default();
    for (theirs, ours) in kept {
        if let Some(value) = params.remove(*theirs).filter(|value| !value.is_empty()) {
            props.push(*ours, value);
        }
    }
    props
}

fn is_number(text: &str) -> bool {
    (1..=3).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit())
}
