//! Beacons in other products' protocols: a file for each, which turns one into ours and does nothing else.
//!
//! Whatever such a client says of the visitor's address, browser, place or of the time is not read. An id
//! is taken only when it looks drawn at random; a text that is longer than ours may be is left out, never cut,
//! for half of something cannot be found and redacted.

use std::borrow::Cow;

use candor_policy::Protocol;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::beacon::{Beacon, Text, VisitorId};
use crate::decode::{BEACON_BYTES_MAX, BEACONS_MAX};
use crate::rejection::Rejection;

mod matomo;
mod plausible;
#[cfg(test)]
mod tests;
mod umami;

/// A request in another product's protocol, not yet read.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Without the question mark.
    pub query: &'a str,
    /// Empty when there is none.
    pub body: &'a [u8],
}

/// What the client of such a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An answer to each of several beacons.
    Each,
    /// The answer to one.
    One,
    /// An answer without a body.
    Silent,
}

/// The beacons of such a request; never empty.
pub(crate) struct Read<'a> {
    pub(crate) reply: Reply,
    pub(crate) beacons: Vec<Result<Beacon<'a>, Rejection>>,
}

/// Reads a request. `page` is the one that it was sent from, as its headers have it.
pub(crate) fn read<'a>(protocol: Protocol, call: Call<'a>, page: Option<&'a str>) -> Read<'a> {
    match protocol {
        Protocol::Matomo => matomo::read(call, page),
        Protocol::Plausible => plausible::read(call.body),
        Protocol::Umami => umami::read(call.body),
    }
}

// === impl Read ===

impl<'a> Read<'a> {
    fn one(beacon: Result<Beacon<'a>, Rejection>) -> Self {
        Self { reply: Reply::One, beacons: vec![beacon] }
    }

    fn each(beacons: Result<Vec<Result<Beacon<'a>, Rejection>>, Rejection>) -> Self {
        let beacons = match beacons {
            Ok(beacons) if beacons.is_empty() => vec![Err(Rejection::Malformed)],
            Ok(beacons) => beacons,
            Err(rejection) => vec![Err(rejection)],
        };
        Self { reply: Reply::Each, beacons }
    }
}

// === what several protocols need ===

/// The elements of an array, each within the limit of a beacon or refused alone.
fn elements<T>(
    array: &[&RawValue],
    read: impl Fn(&str) -> Result<T, Rejection>,
) -> Result<Vec<Result<T, Rejection>>, Rejection> {
    if array.len() > BEACONS_MAX {
        return Err(Rejection::TooLarge);
    }
    let within =
        |element: &&RawValue| within(element.get().as_bytes()).and_then(|_| read(element.get()));
    Ok(array.iter().map(within).collect())
}

/// A beacon's bytes, when they are not too many.
fn within(bytes: &[u8]) -> Result<&[u8], Rejection> {
    if bytes.len() > BEACON_BYTES_MAX { Err(Rejection::TooLarge) } else { Ok(bytes) }
}

/// A JSON object.
fn object(bytes: &[u8]) -> Result<Map<String, Value>, Rejection> {
    serde_json::from_slice(within(bytes)?).map_err(|_| Rejection::Malformed)
}

/// A scalar as text; nothing of whatever else.
fn scalar(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(answer) => Some(answer.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The text under the first of these names that has one.
fn take(object: &mut Map<String, Value>, names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| object.remove(*name).and_then(scalar))
        .filter(|text| !text.is_empty())
}

/// A text that can be missed: left out when it is too long.
fn may<'a, const MAX: usize>(text: Option<impl Into<Cow<'a, str>>>) -> Option<Text<'a, MAX>> {
    text.and_then(Text::new)
}

/// A text without which there is no beacon.
fn must<'a, const MAX: usize>(
    text: Option<impl Into<Cow<'a, str>>>,
) -> Result<Text<'a, MAX>, Rejection> {
    may(text).ok_or(Rejection::Malformed)
}

/// An id that a browser drew: hexadecimal, as trackers draw them, with or without dashes. A name, a
/// number or an address is none, and could be guessed from its hash.
fn drawn<'a>(id: impl Into<Cow<'a, str>>) -> Option<VisitorId<'a>> {
    let id = id.into();
    let digits = id.bytes().filter(u8::is_ascii_hexdigit).count();
    let is_hex = id.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-');
    let is_number = !id.bytes().any(|c| c.is_ascii_alphabetic());
    (is_hex && !is_number && digits >= DRAWN_DIGITS_MIN).then_some(())?;
    VisitorId::new(Text::new(id)?)
}

/// 64 bits.
const DRAWN_DIGITS_MIN: usize = 16;
