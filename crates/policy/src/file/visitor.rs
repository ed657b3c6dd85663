//! `[visitor]`: how visitors are told apart. Without the table they are not.

use super::Setting;
use crate::VisitorMode;
use crate::document::{Table, choice};
use crate::problem::Problem;

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> Option<Setting<VisitorMode>> {
    let Some(value) = root.get("visitor") else {
        return Setting::absent("visitor", VisitorMode::None, root);
    };
    let table = Table::open("[visitor]", value, &["mode"], problems)?;
    let mode = table.require("mode", r#"write for example `mode = "none"`"#, problems)?;
    let modes = [VisitorMode::None, VisitorMode::Rotating, VisitorMode::Consented];
    let words = modes.map(|mode| (mode.label(), mode));
    Some(Setting {
        value: choice("visitor mode", mode, &words, problems)?,
        span: Some(mode.span()),
    })
}
