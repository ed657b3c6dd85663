//! What a few words of a user agent say: for floods of agents that were never seen. The names are those that
//! the full rules give.

use candor_event::Device;

use super::super::device::Screen;
use super::Agent;

/// The word before a version, what the browser is called, and what it is called on phones. The first word
/// that is there decides.
const BROWSERS: [(&str, &str, &str); 12] = [
    ("edg/", "Edge", "Edge Mobile"),
    ("edga/", "Edge Mobile", "Edge Mobile"),
    ("edgios/", "Edge Mobile", "Edge Mobile"),
    ("opr/", "Opera", "Opera Mobile"),
    ("samsungbrowser/", "Samsung Internet", "Samsung Internet"),
    ("yabrowser/", "Yandex Browser", "Yandex Browser"),
    ("vivaldi/", "Vivaldi", "Vivaldi"),
    ("fxios/", "Firefox iOS", "Firefox iOS"),
    ("firefox/", "Firefox", "Firefox Mobile"),
    ("crios/", "Chrome Mobile iOS", "Chrome Mobile iOS"),
    ("chrome/", "Chrome", "Chrome Mobile"),
    ("version/", "Safari", "Mobile Safari"),
];

/// The word before a version, and what the system is called.
const SYSTEMS: [(&str, &str); 7] = [
    ("windows nt ", "Windows"),
    ("android ", "Android"),
    ("iphone os ", "iOS"),
    ("cpu os ", "iOS"),
    ("mac os x ", "Mac OS X"),
    ("cros ", "Chrome OS"),
    ("linux", "Linux"),
];

/// What an agent in small letters says.
pub(super) fn agent(text: &str, says_mobile: bool) -> Agent {
    let is_mobile = says_mobile || text.contains("mobi");
    let (browser, browser_version) = browser(text, is_mobile);
    let (os, os_version) = system(text);
    let device = device(text, os, is_mobile);
    Agent {
        browser: browser.to_owned(),
        browser_version: browser_version.to_owned(),
        os: os.to_owned(),
        os_version: os_version.to_owned(),
        device,
        screen: Screen::Known,
        bot: None,
    }
}

fn browser(text: &str, is_mobile: bool) -> (&'static str, &str) {
    let named = |(word, desktop, mobile): &(&str, &'static str, &'static str)| {
        let (_, rest) = text.split_once(word)?;
        Some((if is_mobile { *mobile } else { *desktop }, number(rest)))
    };
    BROWSERS.iter().find_map(named).unwrap_or_default()
}

fn system(text: &str) -> (&'static str, &str) {
    let named = |(word, name): &(&str, &'static str)| {
        let (_, rest) = text.split_once(word)?;
        Some((*name, number(rest)))
    };
    match SYSTEMS.iter().find_map(named).unwrap_or_default() {
        ("Windows", "6") if text.contains("windows nt 6.1") => ("Windows", "7"),
        // Other numbers are the kernel's.
        (name, version) if name == "Windows" && version != "10" => (name, ""),
        (name @ ("Chrome OS" | "Linux"), _) => (name, ""),
        found => found,
    }
}

fn device(text: &str, os: &str, is_mobile: bool) -> Device {
    match os {
        _ if text.contains("ipad") || text.contains("tablet") => Device::Tablet,
        _ if is_mobile => Device::Mobile,
        "Android" => Device::Tablet,
        "iOS" => Device::Mobile,
        "" => Device::Unspecified,
        _ => Device::Desktop,
    }
}

/// The number that a text begins with; nothing of one that is too long for a version.
fn number(text: &str) -> &str {
    let length = text.bytes().position(|c| !c.is_ascii_digit()).unwrap_or(text.len());
    if length > 5 { "" } else { text.get(..length).unwrap_or_default() }
}
