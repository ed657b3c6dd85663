//! `[address]`: what becomes of a visitor's address, and what place may be told from it. Without the
//! table it is dropped, and no place is looked up.

use candor_event::StoredAddress;
use toml::Spanned;

use super::Setting;
use super::visitor::rotation;
use crate::document::{Table, choice, number};
use crate::problem::Problem;
use crate::{AddressMode, Geography, Hours};

/// `[address]`.
#[derive(Default)]
pub(super) struct AddressTable {
    pub(super) mode: Option<Setting<AddressMode>>,
    pub(super) geography: Option<Setting<Geography>>,
    pub(super) rotation: Option<Spanned<Hours>>,
}

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> AddressTable {
    let Some(value) = root.get("address") else {
        return AddressTable {
            mode: Setting::absent("address", AddressMode::Drop, root),
            geography: Setting::absent("address", Geography::None, root),
            rotation: None,
        };
    };
    let Some(table) = Table::open("[address]", value, &KEYS, problems) else {
        return AddressTable::default();
    };
    let mode = mode(&table, problems);
    let is_keyed = mode.as_ref().is_none_or(|mode| mode.value == AddressMode::Hash);
    AddressTable {
        rotation: rotation(&table, is_keyed, "hash", problems),
        mode,
        geography: match table.get("geography") {
            Some(value) => choice("geography", value, Geography::WORDS, problems)
                .map(|geography| Setting::said(geography, value.span())),
            None => Setting::absent("geography", Geography::None, &table),
        },
    }
}

fn mode(table: &Table<'_>, problems: &mut Vec<Problem>) -> Option<Setting<AddressMode>> {
    let v4 = prefix(table, "v4", StoredAddress::V4_PREFIX_MAX, problems);
    let v6 = prefix(table, "v6", StoredAddress::V6_PREFIX_MAX, problems);
    let mode = table.require(
        "mode",
        "write `mode = \"drop\"`, `mode = \"truncate\"` or `mode = \"hash\"`",
        problems,
    )?;
    let modes = [AddressMode::Drop, AddressMode::Hash, AddressMode::Truncate { v4, v6 }];
    let words = modes.map(|mode| (mode.label(), mode));
    let value = choice("address mode", mode, &words, problems)?;
    if !matches!(value, AddressMode::Truncate { .. }) {
        for span in ["v4", "v6"].into_iter().filter_map(|key| table.span_of(key)) {
            let problem = Problem::at(span, "a prefix length without truncation")
                .label("has no meaning here")
                .related(Some(mode.span()), "not `truncate`")
                .help("take it away, or write `mode = \"truncate\"`");
            problems.push(problem);
        }
    }
    Some(Setting::said(value, mode.span()))
}

/// A prefix length, by default the longest that may be stored.
fn prefix(table: &Table<'_>, key: &str, max: u8, problems: &mut Vec<Problem>) -> u8 {
    let Some(value) = table.get(key) else {
        return max;
    };
    let Some(number) = number(value, problems) else {
        return max;
    };
    if number == 0 {
        let problem = Problem::at(value.span(), format!("the prefix length `{key}` is 0"))
            .label("leaves nothing of the address")
            .help("write `mode = \"drop\"`, and take the prefix lengths away");
        problems.push(problem);
        return max;
    }
    let bits = u8::try_from(number).ok().filter(|bits| *bits <= max);
    bits.unwrap_or_else(|| {
        let problem =
            Problem::at(value.span(), format!("the prefix length `{key}` is out of range"))
                .label(format!("must lie between 1 and {max}"))
                .help("more bits could single a visitor out, and can never be stored");
        problems.push(problem);
        max
    })
}

const KEYS: [&str; 5] = ["mode", "v4", "v6", "geography", "rotation"];
