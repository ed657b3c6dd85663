//! `[publish]`: of how few visitors a published figure may tell. Without the table of ten.

use super::Setting;
use crate::document::{Table, number};
use crate::problem::Problem;

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> Option<Setting<u8>> {
    let Some(value) = root.get("publish") else {
        return Setting::absent("publish", SMALLEST_CELL, root);
    };
    let table = Table::open("[publish]", value, &["smallest_cell"], problems)?;
    let cell =
        table.require("smallest_cell", "write for example `smallest_cell = 10`", problems)?;
    let number = number(cell, problems)?;
    let fits = u8::try_from(number).ok().filter(|cell| (MIN..=MAX).contains(cell));
    if fits.is_none() {
        let problem = Problem::at(cell.span(), "the smallest cell is out of range")
            .label(format!("must lie between {MIN} and {MAX}"))
            .help("a figure about fewer visitors can tell of one of them: 10 is usual");
        problems.push(problem);
    }
    Some(Setting::said(fits?, cell.span()))
}

const SMALLEST_CELL: u8 = 10;
const MIN: u8 = 5;
const MAX: u8 = 50;
