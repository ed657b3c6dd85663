//! Lines of an access log, read as the beacons that they would have been. The address in a line goes
//! the same way as a peer's.
//!
//! Two formats: the combined log format, and one JSON object a line with the fields of [`JsonLine`].

use std::borrow::Cow;

use candor_event::Timestamp;
use serde::Deserialize;

use crate::beacon::{Beacon, Consent, Text};
use crate::client_ip::ClientIp;
use crate::decode::BEACON_BYTES_MAX;
use crate::rejection::Rejection;

mod combined;

/// What the operator says of a log.
#[derive(Clone, Debug)]
pub struct Import {
    /// The site whose log it is.
    pub site: String,
    /// The purposes that the visitors consented to, as the operator asserts.
    pub consent: Vec<String>,
    /// The time of the line with the largest `offset_s`, and that offset: lines that carry an offset
    /// instead of a time are placed by it.
    pub end: (Timestamp, i64),
}

/// One request of the log.
pub(crate) struct Line<'a> {
    pub(crate) received_at: Timestamp,
    pub(crate) user_agent: Cow<'a, str>,
    method: Cow<'a, str>,
    target: Cow<'a, str>,
    referrer: Cow<'a, str>,
    status: u16,
}

/// A line of NDJSON.
#[derive(Deserialize)]
struct JsonLine<'a> {
    #[serde(borrow)]
    ip: Cow<'a, str>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    status: u16,
    #[serde(borrow, default)]
    referrer: Cow<'a, str>,
    #[serde(borrow, default)]
    user_agent: Cow<'a, str>,
    /// Seconds from the first line.
    #[serde(default)]
    offset_s: Option<i64>,
    /// Unix seconds.
    #[serde(default)]
    time: Option<i64>,
}

// === impl Line ===

impl<'a> Line<'a> {
    /// Reads a line of either format; the visitor's address comes apart from it.
    pub(crate) fn read(line: &'a [u8], import: &Import) -> Result<(ClientIp, Self), Rejection> {
        if line.len() > BEACON_BYTES_MAX {
            return Err(Rejection::TooLarge);
        }
        let line = std::str::from_utf8(line).map_err(|_| Rejection::Malformed)?.trim();
        if line.starts_with('{') {
            Self::read_json(line, import)
        } else {
            combined::read(line).ok_or(Rejection::Malformed)
        }
    }

    fn read_json(line: &'a str, import: &Import) -> Result<(ClientIp, Self), Rejection> {
        let line: JsonLine<'a> = serde_json::from_str(line).map_err(|_| Rejection::Malformed)?;
        let (end, last_offset) = import.end;
        let received_at = match (line.time, line.offset_s) {
            (Some(time), _) => Timestamp::from_unix(time),
            (None, Some(offset)) => end.plus_seconds(offset.saturating_sub(last_offset)),
            (None, None) => return Err(Rejection::Malformed),
        };
        let client = ClientIp::of_log_field(&line.ip);
        let line = Self {
            received_at,
            user_agent: line.user_agent,
            method: line.method,
            target: line.path,
            referrer: line.referrer,
            status: line.status,
        };
        Ok((client, line))
    }

    /// The beacon that a browser would have sent for this request.
    pub(crate) fn beacon<'b>(&'b self, import: &'b Import) -> Result<Beacon<'b>, Rejection> {
        let url = if self.target.starts_with('/') {
            format!("http://log.invalid{}", self.target)
        } else {
            self.target.clone().into_owned()
        };
        let referrer = self.referrer.trim_matches('-');
        let consent = import.consent.iter().map(|name| Text::new(name.as_str()));
        Ok(Beacon {
            site: Text::new(import.site.as_str()).ok_or(Rejection::UnknownSite)?,
            url: Text::new(url).ok_or(Rejection::Malformed)?,
            referrer: Some(Text::new(referrer).ok_or(Rejection::Malformed)?),
            consent: Consent::to(consent.collect::<Option<Vec<_>>>().ok_or(Rejection::Malformed)?),
            ..Beacon::default()
        })
    }

    /// Whether the request showed a page.
    pub(crate) fn check_page(&self) -> Result<(), Rejection> {
        if !matches!(self.status, 200..=299 | 304) {
            return Err(Rejection::FailedRequest);
        }
        let path = self.target.split(['?', '#']).next().unwrap_or_default();
        let file = path.rsplit('/').next().unwrap_or_default();
        let extension = file.rsplit_once('.').map(|(_, extension)| extension);
        let is_asset = extension.is_some_and(|extension| {
            ASSETS.iter().any(|asset| extension.eq_ignore_ascii_case(asset))
        });
        if self.method != "GET" || is_asset { Err(Rejection::NotAPage) } else { Ok(()) }
    }
}

/// Endings of what pages are made of, and of what machines fetch.
const ASSETS: [&str; 30] = [
    "avif",
    "bmp",
    "bz2",
    "css",
    "eot",
    "gif",
    "gz",
    "ico",
    "jpeg",
    "jpg",
    "js",
    "json",
    "map",
    "mjs",
    "mp3",
    "mp4",
    "otf",
    "png",
    "svg",
    "tar",
    "tgz",
    "ttf",
    "txt",
    "wasm",
    "webm",
    "webmanifest",
    "webp",
    "woff",
    "woff2",
    "xml",
];

#[cfg(test)]
#[path = "access_log/tests.rs"]
mod tests;
