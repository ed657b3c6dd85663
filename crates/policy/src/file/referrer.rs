//! `[referrer]` and `[client_hints]`: how much browsers tell on their way here, and how much is asked of
//! them. Without the tables it is the referring host, and nothing.

use super::Setting;
use crate::ReferrerMode;
use crate::document::{Table, boolean, choice};
use crate::problem::Problem;

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> Option<Setting<ReferrerMode>> {
    let Some(value) = root.get("referrer") else {
        return Setting::absent("referrer", ReferrerMode::Host, root);
    };
    let table = Table::open("[referrer]", value, &["keep"], problems)?;
    let keep = table.require("keep", r#"write for example `keep = "host"`"#, problems)?;
    let mode = choice("extent", keep, ReferrerMode::WORDS, problems)?;
    Some(Setting::said(mode, keep.span()))
}

pub(super) fn read_hints(root: &Table<'_>, problems: &mut Vec<Problem>) -> Option<Setting<bool>> {
    let Some(value) = root.get("client_hints") else {
        return Setting::absent("client_hints", false, root);
    };
    let table = Table::open("[client_hints]", value, &["high_entropy"], problems)?;
    let help = "write `high_entropy = false`, or `true` to ask browsers for more";
    let asked = table.require("high_entropy", help, problems)?;
    Some(Setting::said(boolean(asked, problems)?, asked.span()))
}
