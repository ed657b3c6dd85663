//! Bytes to beacons, within limits.
//!
//! A body is one object, an array of them, or one a line (NDJSON). It is first cut into elements, so
//! that a malformed element rejects only itself.

use serde_json::value::RawValue;

use crate::beacon::{Beacon, Consent, Text, VisitorId};
use crate::rejection::Rejection;

/// The most beacons in one request.
pub const BEACONS_MAX: usize = 1_000;
/// The most bytes of one beacon. Browsers send at most this much when a page is left.
pub const BEACON_BYTES_MAX: usize = 65_536;
/// The most bytes of a request that carries several beacons.
pub const BODY_BYTES_MAX: usize = 1_048_576;

/// The shape in which a request carries its beacons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// JSON: an object, an array, or lines.
    Json,
    /// One object a line.
    Ndjson,
}

/// One beacon, not yet read.
#[derive(Clone, Copy, Debug)]
pub struct RawBeacon<'a>(&'a [u8]);

/// The beacons of a request, not yet read.
#[derive(Debug)]
pub struct RawBeacons<'a>(Elements<'a>);

#[derive(Debug)]
enum Elements<'a> {
    /// The body is one object.
    One(RawBeacon<'a>),
    /// Those of an array, or of lines.
    Several(Vec<RawBeacon<'a>>),
}

// === impl Media ===

impl Media {
    /// Reads a `Content-Type`. `text/plain` is JSON too: browsers send it without a preflight. None at
    /// all counts as JSON.
    ///
    /// # Errors
    /// [`Rejection::UnsupportedMedia`].
    pub fn of_content_type(content_type: Option<&str>) -> Result<Self, Rejection> {
        let essence = content_type.unwrap_or("application/json");
        let essence = essence.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is("application/json") || is("text/plain") {
            Ok(Self::Json)
        } else if is("application/x-ndjson") || is("application/jsonl") {
            Ok(Self::Ndjson)
        } else {
            Err(Rejection::UnsupportedMedia)
        }
    }
}

// === impl RawBeacons ===

impl<'a> RawBeacons<'a> {
    /// Cuts a body into beacons.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] when there is none, [`Rejection::TooLarge`] when there are too many.
    pub fn split(body: &'a [u8], media: Media) -> Result<Self, Rejection> {
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        let elements = match (media, first) {
            (_, None) => return Err(Rejection::Malformed),
            (Media::Json, Some(b'[')) => array(body)?,
            (Media::Json, Some(_)) if !is_lines(body) => {
                return Ok(Self(Elements::One(RawBeacon(body))));
            }
            _ => lines(body).collect(),
        };
        match elements.len() {
            0 => Err(Rejection::Malformed),
            1..=BEACONS_MAX => Ok(Self(Elements::Several(elements))),
            _ => Err(Rejection::TooLarge),
        }
    }

    /// Whether the body was one object, and is answered as one.
    pub fn is_single(&self) -> bool {
        matches!(self.0, Elements::One(_))
    }

    /// The beacons in their order.
    pub fn iter(&self) -> impl Iterator<Item = RawBeacon<'a>> {
        let elements = match &self.0 {
            Elements::One(one) => std::slice::from_ref(one),
            Elements::Several(several) => several,
        };
        elements.iter().copied()
    }
}

// === impl RawBeacon ===

impl<'a> RawBeacon<'a> {
    /// Reads the beacon.
    pub(crate) fn read(self) -> Result<Beacon<'a>, Rejection> {
        if self.0.len() > BEACON_BYTES_MAX {
            return Err(Rejection::TooLarge);
        }
        // Without this, an array of values in the order of the fields would be a beacon too.
        if self.0.trim_ascii_start().first() != Some(&b'{') {
            return Err(Rejection::Malformed);
        }
        // All at once, rather than each text by itself.
        let text = std::str::from_utf8(self.0).map_err(|_| Rejection::Malformed)?;
        serde_json::from_str(text).map_err(|_| Rejection::Malformed)
    }
}

/// Reads the query of a pixel: the same names as in JSON. `consent` is `1`, `true`, `0`, `false` or a list of
/// purposes, `objection` is `1`, `true`, `0` or `false`; the page, when it is not named, is the one that
/// the pixel lies on.
pub(crate) fn pixel<'a>(query: &'a str, page: Option<&'a str>) -> Result<Beacon<'a>, Rejection> {
    let mut beacon = Beacon::default();
    if let Some(page) = page {
        beacon.url = text(page.into())?;
    }
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "site" => beacon.site = text(value)?,
            "kind" => beacon.kind = Some(text(value)?),
            "name" => beacon.name = Some(text(value)?),
            "url" => beacon.url = text(value)?,
            "referrer" => beacon.referrer = Some(text(value)?),
            "title" => beacon.title = Some(text(value)?),
            "screen" => beacon.screen = Some(text(value)?),
            "language" => beacon.language = Some(text(value)?),
            "id" => beacon.id = Some(text(value)?),
            "visitor" => {
                let id = VisitorId::new(text(value)?);
                beacon.visitor = Some(id.ok_or(Rejection::Malformed)?);
            }
            "objection" => beacon.objection = Some(objection(&value)? || beacon.objects()),
            "consent" => {
                beacon.consent = match value.as_ref() {
                    "1" | "true" => Consent::All(true),
                    "0" | "false" => Consent::All(false),
                    list => Consent::to(
                        list.split(',')
                            .map(|purpose| text(purpose.to_owned().into()))
                            .collect::<Result<Vec<_>, _>>()?,
                    ),
                }
            }
            _ => {}
        }
    }
    Ok(beacon)
}

/// Whether the visitor objects. What is unclear is refused rather than taken for a no.
fn objection(value: &str) -> Result<bool, Rejection> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(Rejection::Malformed),
    }
}

fn text<const MAX: usize>(value: std::borrow::Cow<'_, str>) -> Result<Text<'_, MAX>, Rejection> {
    Text::new(value).ok_or(Rejection::Malformed)
}

fn array(body: &[u8]) -> Result<Vec<RawBeacon<'_>>, Rejection> {
    let elements: Vec<&RawValue> =
        serde_json::from_slice(body).map_err(|_| Rejection::Malformed)?;
    Ok(elements.into_iter().map(|element| RawBeacon(element.get().as_bytes())).collect())
}

/// Whether a JSON body is several lines rather than one object written over several: its first line is
/// a value of its own, or the last line begins one.
fn is_lines(body: &[u8]) -> bool {
    if !body.contains(&b'\n') {
        return false;
    }
    let mut lines = lines(body);
    let (Some(first), Some(_)) = (lines.next(), lines.next()) else {
        return false;
    };
    serde_json::from_slice::<&RawValue>(first.0).is_ok() || lines_begin_objects(body)
}

fn lines_begin_objects(body: &[u8]) -> bool {
    lines(body).all(|line| line.0.first() == Some(&b'{'))
}

fn lines(body: &[u8]) -> impl Iterator<Item = RawBeacon<'_>> {
    body.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .map(RawBeacon)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sites(body: &str, media: Media) -> Vec<Result<String, Rejection>> {
        let raw = RawBeacons::split(body.as_bytes(), media).unwrap();
        raw.iter().map(|raw| raw.read().map(|b| b.site.as_str().to_owned())).collect()
    }

    #[test]
    fn one_object_an_array_and_lines_are_read() {
        let a = || Ok("a".to_owned());
        let bad = Err(Rejection::Malformed);
        let cases = [
            (Media::Json, r#"{"site":"a"}"#, vec![a()]),
            (Media::Json, "{\n\"site\":\n\"a\"\n}", vec![a()]),
            (Media::Json, r#"[{"site":"a"},{"site":1},{"site":"a"}]"#, vec![a(), bad.clone(), a()]),
            (
                Media::Json,
                "{\"site\":\"a\"}\n{\"site\":\n{\"site\":\"a\"}\n",
                vec![a(), bad.clone(), a()],
            ),
            (Media::Ndjson, "{\"site\":\"a\"}\r\n\r\n{\"site\":\"a\"}", vec![a(), a()]),
            (Media::Ndjson, "nonsense\n{\"site\":\"a\"}", vec![bad.clone(), a()]),
            (Media::Json, r#"[["a","pageview"],{"site":"a"}]"#, vec![bad.clone(), a()]),
            (Media::Json, "nonsense", vec![bad]),
        ];
        for (media, body, want) in cases {
            assert_eq!(sites(body, media), want, "{body}");
        }
    }

    #[test]
    fn limits_hold() {
        let split = |body: &str| RawBeacons::split(body.as_bytes(), Media::Json).map(|_| ());
        assert_eq!(split(" "), Err(Rejection::Malformed));
        assert_eq!(split("[]"), Err(Rejection::Malformed));
        assert_eq!(split("[{},"), Err(Rejection::Malformed));
        assert_eq!(split(&format!("[{}1]", "1,".repeat(1_000))), Err(Rejection::TooLarge));
        assert_eq!(split(&"[".repeat(100_000)), Err(Rejection::Malformed));
        let deep = format!(r#"{{"site":"a","props":{}}}"#, "[".repeat(10_000));
        assert_eq!(sites(&deep, Media::Json), [Err(Rejection::Malformed)]);
    }

    #[test]
    fn content_types_are_read_by_their_essence() {
        let media = Media::of_content_type;
        assert_eq!(media(None), Ok(Media::Json));
        assert_eq!(media(Some("text/plain;charset=UTF-8")), Ok(Media::Json));
        assert_eq!(media(Some("Application/JSON")), Ok(Media::Json));
        assert_eq!(media(Some("application/x-ndjson")), Ok(Media::Ndjson));
        assert_eq!(media(Some("image/png")), Err(Rejection::UnsupportedMedia));
    }

    #[test]
    fn a_pixel_says_the_same() {
        let beacon =
            pixel("site=a&consent=statistics,ads&title=%C3%A4", Some("https://a/p")).unwrap();
        assert_eq!(beacon.site.as_str(), "a");
        assert_eq!(beacon.title.unwrap().as_str(), "ä");
        assert_eq!(beacon.url.as_str(), "https://a/p");
        let Consent::PerPurpose(purposes) = beacon.consent else { panic!("a map") };
        assert_eq!(Consent::of(&purposes, "ads"), Some(true));
        assert_eq!(Consent::of(&purposes, "security"), None);
    }

    #[test]
    fn a_pixel_can_object() {
        let objects = |query: &str| pixel(query, None).map(|beacon| beacon.objects());
        let bad = Err(Rejection::Malformed);
        let cases = [
            ("site=a", Ok(false)),
            ("objection=1", Ok(true)),
            ("objection=true", Ok(true)),
            ("objection=0", Ok(false)),
            ("objection=1&objection=0", Ok(true)),
            ("objection=0&objection=1", Ok(true)),
            ("objection=yes", bad),
            ("objection=", bad),
        ];
        for (query, want) in cases {
            assert_eq!(objects(query), want, "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body: Vec<u8>, lines: bool) {
            let media = if lines { Media::Ndjson } else { Media::Json };
            if let Ok(raw) = RawBeacons::split(&body, media) {
                raw.iter().for_each(|raw| drop(raw.read()));
            }
        }

        #[test]
        fn any_pixel_is_read_or_refused(query in ".{0,200}") {
            drop(pixel(&query, None));
        }
    }
}
