//! What browsers say of themselves beside the user agent: [User-Agent Client Hints][spec].
//!
//! Brands, platform and whether it is a phone come with every request. The model, the version of the system
//! and the form come only when a browser was asked for them; they single visitors out, so they are not
//! looked at unless the policy asks for them.
//!
//! [spec]: https://wicg.github.io/ua-client-hints/

use candor_event::Device;
use http::HeaderValue;
use sfv::{Item, List, ListEntry, Parser};

/// The headers as they came; empty when there are none. They are read when their agent is seen for the
/// first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Hints<'a> {
    brands: &'a str,
    mobile: &'a str,
    platform: &'a str,
    form_factors: &'a str,
    model: &'a str,
    platform_version: &'a str,
}

/// What they say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The browser and its major version, when it is not the one that the engine is called after.
    pub(super) browser: Option<(&'static str, String)>,
    /// Whether it runs without a person.
    pub(super) is_headless: bool,
    /// The major version of the system, as people call it.
    pub(super) os_version: Option<String>,
    /// The model, in small letters; empty when it is not said.
    pub(super) model: String,
    /// The form of the device.
    pub(super) device: Option<Device>,
}

/// Longer headers say nothing.
const HEADER_BYTES_MAX: usize = 256;

/// Brands, and what uap-core calls them.
const BROWSERS: [(&str, &str); 15] = [
    ("Avast Secure Browser", "Avast Secure Browser"),
    ("Avira Secure Browser", "Avira"),
    ("Brave", "Brave"),
    ("CCleaner Browser", "CCleaner Browser"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("Ecosia", "Ecosia"),
    ("Microsoft Edge", "Edge"),
    ("Norton Private Browser", "Norton Private Browser"),
    ("Opera", "Opera"),
    ("Opera GX", "Opera GX"),
    ("Samsung Internet", "Samsung Internet"),
    ("Vivaldi", "Vivaldi"),
    ("Whale", "Whale"),
    ("YaBrowser", "Yandex Browser"),
    ("Yandex", "Yandex Browser"),
];

// === impl Hints ===

impl<'a> Hints<'a> {
    /// Takes a header for what it is, when it is one of them and the first of its name.
    pub(crate) fn hear(&mut self, name: &str, value: &'a HeaderValue) {
        let place = match name.strip_prefix("sec-ch-ua") {
            Some("") => &mut self.brands,
            Some("-form-factors") => &mut self.form_factors,
            Some("-mobile") => &mut self.mobile,
            Some("-model") => &mut self.model,
            Some("-platform") => &mut self.platform,
            Some("-platform-version") => &mut self.platform_version,
            _ => return,
        };
        if place.is_empty() && value.len() <= HEADER_BYTES_MAX {
            *place = value.to_str().unwrap_or_default();
        }
    }

    #[cfg(test)]
    pub(super) fn read(headers: &'a http::HeaderMap) -> Self {
        let mut hints = Self::default();
        headers.iter().for_each(|(name, value)| hints.hear(name.as_str(), value));
        hints
    }

    /// What browsers say without being asked.
    pub(super) fn unasked(self) -> Self {
        let Self { brands, mobile, platform, .. } = self;
        Self { brands, mobile, platform, ..Self::default() }
    }

    /// Whether it says that it is a phone.
    pub(super) fn says_mobile(&self) -> bool {
        self.mobile == "?1"
    }

    pub(super) fn said(&self) -> Said {
        let brands = brands(self.brands);
        let is_there = |name: &str| brands.iter().any(|(brand, _)| brand == name);
        let named = |(brand, version): &(String, String)| {
            let known = BROWSERS.iter().find(|(known, _)| brand == known);
            known.map(|(_, name)| (*name, version.clone()))
        };
        Said {
            browser: brands.iter().find_map(named),
            is_headless: is_there("HeadlessChrome") || is_there("HeadlessEdg"),
            os_version: os_version(&text(self.platform), &text(self.platform_version)),
            model: text(self.model).to_ascii_lowercase(),
            device: device(self.form_factors),
        }
    }
}

/// `"Brave";v="141"` and the like.
fn brands(header: &str) -> Vec<(String, String)> {
    let list: List = Parser::new(header).parse().unwrap_or_default();
    let brand = |entry: ListEntry| {
        let ListEntry::Item(Item { bare_item, params }) = entry else {
            return None;
        };
        let version = params.get("v").and_then(|version| version.as_string());
        let version = version.map(|version| major(version.as_str())).unwrap_or_default();
        Some((bare_item.as_string()?.as_str().to_owned(), version.to_owned()))
    };
    list.into_iter().filter_map(brand).collect()
}

/// The text of a header that holds one.
fn text(header: &str) -> String {
    let item: Option<Item> = Parser::new(header).parse().ok();
    let text = item.as_ref().and_then(|item| item.bare_item.as_string());
    text.map(|text| text.as_str().to_owned()).unwrap_or_default()
}

/// Windows numbers releases since 10 in its own way.
fn os_version(platform: &str, version: &str) -> Option<String> {
    let number: u32 = major(version).parse().ok()?;
    match (platform, number) {
        ("Windows", 0) => None,
        ("Windows", 1..13) => Some("10".to_owned()),
        ("Windows", _) => Some("11".to_owned()),
        ("Android" | "Chrome OS" | "iOS" | "macOS", 1..) => Some(number.to_string()),
        _ => None,
    }
}

/// The first form that is one of our classes. A convertible says two.
fn device(header: &str) -> Option<Device> {
    let list: List = Parser::new(header).parse().unwrap_or_default();
    let class = |entry: &ListEntry| {
        let ListEntry::Item(item) = entry else {
            return None;
        };
        match item.bare_item.as_string()?.as_str() {
            "Automotive" => Some(Device::Unspecified),
            "Desktop" => Some(Device::Desktop),
            "EInk" | "Tablet" => Some(Device::Tablet),
            "Mobile" => Some(Device::Mobile),
            "Watch" | "XR" => Some(Device::Wearable),
            _ => None,
        }
    };
    list.iter().find_map(class)
}

fn major(version: &str) -> &str {
    let major = version.split('.').next().unwrap_or_default();
    let is_number = (1..=5).contains(&major.len()) && major.bytes().all(|c| c.is_ascii_digit());
    if is_number { major } else { "" }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> http::HeaderMap {
        let value = |value: &str| HeaderValue::from_str(value).unwrap();
        pairs.iter().map(|(name, text)| (name.parse().unwrap(), value(text))).collect()
    }

    #[test]
    fn brands_tell_browsers_apart_that_share_an_agent() {
        let cases = [
            (r#""Chromium";v="141", "Brave";v="141", "Not?A_Brand";v="8""#, Some(("Brave", "141"))),
            (r#""Microsoft Edge";v="140.0.1", "Chromium";v="140""#, Some(("Edge", "140"))),
            (
                r#""Samsung Internet";v="28.0", "Chromium";v="130""#,
                Some(("Samsung Internet", "28")),
            ),
            (r#""Chromium";v="141", "Google Chrome";v="141", "Not?A_Brand";v="8""#, None),
            (r#""Brave""#, Some(("Brave", ""))),
            (r#""Brave";v="<script>""#, Some(("Brave", ""))),
            ("Brave;v=1", None),
            (r#""Brave";v="#, None),
            ("", None),
        ];
        for (header, want) in cases {
            let headers = headers(&[("sec-ch-ua", header)]);
            let said = Hints::read(&headers).said().browser;
            let said = said.as_ref().map(|(name, version)| (*name, version.as_str()));
            assert_eq!(said, want, "{header}");
        }
        let headless = headers(&[("sec-ch-ua", r#""HeadlessChrome";v="141""#)]);
        assert!(Hints::read(&headless).said().is_headless);
    }

    #[test]
    fn systems_are_called_as_people_call_them() {
        let cases = [
            ("Windows", "15.0.0", Some("11")),
            ("Windows", "13.0.0", Some("11")),
            ("Windows", "10.0.0", Some("10")),
            ("Windows", "0.3.0", None),
            ("macOS", "26.1.0", Some("26")),
            ("Android", "16", Some("16")),
            ("Linux", "6.12", None),
            ("Android", "", None),
            ("Android", "x", None),
        ];
        for (platform, version, want) in cases {
            let headers = headers(&[
                ("sec-ch-ua-platform", &format!("{platform:?}")),
                ("sec-ch-ua-platform-version", &format!("{version:?}")),
            ]);
            let hints = Hints::read(&headers);
            assert_eq!(hints.said().os_version.as_deref(), want, "{platform} {version}");
            assert_eq!(hints.unasked().said().os_version, None);
        }
    }

    #[test]
    fn what_was_asked_for_is_forgotten_when_nobody_asked() {
        let headers = headers(&[
            ("sec-ch-ua-model", r#""Pixel 9""#),
            ("sec-ch-ua-form-factors", r#""Tablet", "Desktop""#),
        ]);
        let said = Hints::read(&headers).said();
        assert_eq!((said.model.as_str(), said.device), ("pixel 9", Some(Device::Tablet)));
        assert_eq!(Hints::read(&headers).unasked().said(), Said::default());
    }

    proptest! {
        #[test]
        fn no_header_is_too_odd(text in "[\"a-z0-9;=,. ()?*:-]{0,300}") {
            let text = text.as_str();
            let names = ["sec-ch-ua", "sec-ch-ua-platform", "sec-ch-ua-model", "sec-ch-ua-form-factors"];
            let headers = headers(&names.map(|name| (name, text)));
            let said = Hints::read(&headers).said();
            prop_assert!(said.model.len() <= HEADER_BYTES_MAX);
        }
    }
}
