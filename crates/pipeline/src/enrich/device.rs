//! The class of a device: by the user agent, by the model that the browser tells when it is asked, and by the
//! size of the screen where a phone and a tablet say the same. The rules are `devices.txt`, which says how
//! it is written.

use candor_event::Device;
use regex::bytes::{Regex, RegexBuilder};

/// The rules, in order.
#[derive(Debug)]
pub(super) struct Devices(Vec<Section>);

#[derive(Debug)]
struct Section {
    subject: Subject,
    class: Device,
    pattern: Regex,
}

/// Where a section's patterns are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Agent,
    Model,
    Rest,
}

/// What is known of a device, in small letters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told<'a> {
    /// The user agent.
    pub(super) agent: &'a str,
    /// The model that the browser told when it was asked; empty when it was not.
    pub(super) model: &'a str,
}

/// How the size of the screen tells more than the user agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Screen {
    /// Agents of this kind say what they are.
    #[default]
    Known,
    /// Phones and tablets whose browsers hide the model.
    Hidden,
    /// Macs, and tablets that pass for one.
    Mac,
}

const LIST: &str = include_str!("devices.txt");

/// The shorter side of a screen, CSS pixels, from which on a device is no phone: the one that Android's own
/// layouts for tablets begin at.
const TABLET_SIDE_MIN: u32 = 600;
/// The sizes of the screens of iPads, CSS pixels, held upright as Safari always tells them.
const IPAD_WIDTHS: std::ops::RangeInclusive<u32> = 744..=1_032;

// === impl Devices ===

impl Devices {
    pub(super) fn new() -> Result<Self, regex::Error> {
        let sections = LIST.split("\n[").filter_map(|section| {
            let (title, lines) = section.split_once("]\n")?;
            let (subject, class) = title_of(title)?;
            let pattern = pattern(lines);
            Some(pattern.map(|pattern| Section { subject, class, pattern }))
        });
        sections.collect::<Result<_, _>>().map(Self)
    }

    /// The class, and whether the size of the screen tells more.
    pub(super) fn class(&self, told: Told<'_>) -> (Device, Screen) {
        let Told { agent, model } = told;
        let is_android = is_android(agent);
        let named = if model.is_empty() && is_android { model_of(agent) } else { model };
        let subject = |section: &Section| match section.subject {
            Subject::Agent => agent.as_bytes(),
            Subject::Model => named.as_bytes(),
            Subject::Rest => &[],
        };
        let has = |section: &&Section| {
            let text = subject(section);
            !text.is_empty() && section.pattern.is_match(text)
        };
        if let Some(section) = self.0.iter().find(has) {
            return (section.class, Screen::Known);
        }
        if is_android {
            return android(agent, named);
        }
        let mut rest = self.0.iter().filter(|section| section.subject == Subject::Rest);
        let found = rest.find(|section| section.pattern.is_match(agent.as_bytes()));
        let is_mac = agent.contains("macintosh") && agent.contains("version/");
        let screen = if is_mac { Screen::Mac } else { Screen::Known };
        (found.map_or(Device::Unspecified, |section| section.class), screen)
    }
}

/// What Android's agents say where no name tells: browsers on phones say `Mobile`, and programs say nothing.
fn android(agent: &str, model: &str) -> (Device, Screen) {
    if ["android 3.0", "android 3.1", "android 3.2"].iter().any(|version| agent.contains(version)) {
        return (Device::Tablet, Screen::Known);
    }
    let is_browser = agent.starts_with("mozilla")
        && ["chrome", "version/", "safari"].iter().any(|word| agent.contains(word));
    let screen = if model.is_empty() { Screen::Hidden } else { Screen::Known };
    if is_browser && !agent.contains("mobi") {
        return (Device::Tablet, screen);
    }
    (Device::Mobile, screen)
}

fn is_android(agent: &str) -> bool {
    ["android", "harmony", "andr0id", "; adr ", "diordna"].iter().any(|word| agent.contains(word))
}

/// The model that an agent on Android gives: the first part of its comment that is nothing else.
fn model_of(agent: &str) -> &str {
    let comment = match agent.split_once('(') {
        Some((_, rest)) => rest.split_once(')').map_or(rest, |(comment, _)| comment),
        None => agent,
    };
    let parts = comment.split(';').map(|part| {
        let part = part.split(" build").next().unwrap_or_default();
        let part = part.split(" miui").next().unwrap_or_default();
        part.split(" applewebkit").next().unwrap_or_default().trim()
    });
    parts.filter(|part| !part.is_empty()).find(|part| !is_no_model(part)).unwrap_or_default()
}

/// Whether a part of the comment is the system, the language, or a word that hides the model.
fn is_no_model(part: &str) -> bool {
    let begins = [
        "linux",
        "android",
        "adr ",
        "andr0id",
        "harmonyos",
        "rv:",
        "release",
        "build",
        "mozilla/",
        "dalvik/",
        "applewebkit",
        "midp",
    ];
    let words =
        ["u", "i", "k", "wv", "mobile", "tablet", "touch", "x11", "compatible", "arm", "arm_64"];
    words.contains(&part)
        || ["x86", "x86_64"].contains(&part)
        || begins.iter().any(|word| part.starts_with(word))
        || part.bytes().all(|c| c.is_ascii_digit() || c == b'.')
        || is_language(part)
}

/// `en`, `en-us`, `zh-hans-cn`.
fn is_language(part: &str) -> bool {
    let is_subtag =
        |tag: &str| (2..=4).contains(&tag.len()) && tag.bytes().all(|c| c.is_ascii_lowercase());
    let mut subtags = part.split(['-', '_']);
    subtags.next().is_some_and(|language| language.len() == 2 && is_subtag(language))
        && subtags.all(is_subtag)
}

// === impl Screen ===

impl Screen {
    /// The class once the size of the screen is known, CSS pixels.
    pub(super) fn settle(self, device: Device, (width, height): (u32, u32)) -> Device {
        match (self, device) {
            (Self::Hidden, Device::Mobile | Device::Tablet) if width > 0 && height > 0 => {
                let is_large = width.min(height) >= TABLET_SIDE_MIN;
                if is_large { Device::Tablet } else { Device::Mobile }
            }
            (Self::Mac, Device::Desktop) if height > width && IPAD_WIDTHS.contains(&width) => {
                Device::Tablet
            }
            _ => device,
        }
    }
}

/// One pattern of those that stand on these lines.
fn pattern(lines: &str) -> Result<Regex, regex::Error> {
    let patterns = lines.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    RegexBuilder::new(&patterns.collect::<Vec<_>>().join("|")).unicode(false).build()
}

/// What a section's title says.
fn title_of(title: &str) -> Option<(Subject, Device)> {
    let (subject, class) = title.split_once(' ')?;
    let subject = match subject {
        "agent" => Subject::Agent,
        "model" => Subject::Model,
        "rest" => Subject::Rest,
        _ => return None,
    };
    let class = match class {
        "console" => Device::Console,
        "desktop" => Device::Desktop,
        "other" => Device::Unspecified,
        "phone" => Device::Mobile,
        "tablet" => Device::Tablet,
        "tv" => Device::Tv,
        "wearable" => Device::Wearable,
        _ => return None,
    };
    Some((subject, class))
}

#[cfg(test)]
mod tests;
