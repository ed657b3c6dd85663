//! `[visitor]`: how visitors are told apart. Without the table they are not.

use toml::Spanned;

use super::Setting;
use crate::document::{Table, choice, text};
use crate::problem::Problem;
use crate::{Hours, VisitorMode};

/// `[visitor]`.
#[derive(Default)]
pub(super) struct VisitorTable {
    pub(super) mode: Option<Setting<VisitorMode>>,
    pub(super) rotation: Option<Spanned<Hours>>,
}

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> VisitorTable {
    let Some(value) = root.get("visitor") else {
        let mode = Setting::absent("visitor", VisitorMode::None, root);
        return VisitorTable { mode, rotation: None };
    };
    let Some(table) = Table::open("[visitor]", value, &["mode", "rotation"], problems) else {
        return VisitorTable::default();
    };
    let mode = table.require("mode", r#"write for example `mode = "none"`"#, problems);
    let mode = mode.and_then(|value| {
        let mode = choice("visitor mode", value, VisitorMode::WORDS, problems)?;
        Some(Setting::said(mode, value.span()))
    });
    let is_keyed = mode.as_ref().is_none_or(|mode| mode.value == VisitorMode::Rotating);
    VisitorTable { rotation: rotation(&table, is_keyed, "rotating", problems), mode }
}

/// How long the key lives that hashes are made with.
pub(super) fn rotation(
    table: &Table<'_>,
    is_keyed: bool,
    mode: &str,
    problems: &mut Vec<Problem>,
) -> Option<Spanned<Hours>> {
    let value = table.get("rotation")?;
    let word = text(value, problems)?;
    if !is_keyed {
        let problem = Problem::at(value.span(), "a rotation without a key")
            .label("has no meaning here")
            .help(format!("take it away, or write `mode = \"{mode}\"`"));
        problems.push(problem);
        return None;
    }
    let rotation = Hours::parse(word);
    if rotation.is_none() {
        let problem = Problem::at(value.span(), format!("the rotation `{word}` is out of range"))
            .label("must lie between 1 hour and 7 days")
            .help("write for example `rotation = \"24 hours\"`");
        problems.push(problem);
    }
    Some(Spanned::new(value.span(), rotation?))
}
