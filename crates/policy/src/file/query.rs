//! `[query]`: the query parameters that are kept. Without the table none is.

use super::Setting;
use crate::document::{Table, refuse_repeats, texts};
use crate::problem::Problem;

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> Option<Setting<Vec<String>>> {
    let Some(value) = root.get("query") else {
        return Setting::absent("query", Vec::new(), root);
    };
    let table = Table::open("[query]", value, &["keep"], problems)?;
    let keep = table.require("keep", r#"write for example `keep = ["page"]`"#, problems)?;
    let names = texts(keep, problems)?;
    refuse_repeats("parameter", &names, |name| name, problems);
    for name in &names {
        if !(1..=NAME_LENGTH_MAX).contains(&name.get_ref().len()) {
            let problem = Problem::at(name.span(), "not the name of a query parameter")
                .label("empty or too long")
                .help(format!("write 1 to {NAME_LENGTH_MAX} bytes"));
            problems.push(problem);
        }
    }
    let mut value: Vec<_> = names.iter().map(|name| (*name.get_ref()).to_owned()).collect();
    value.sort();
    Some(Setting { value, span: Some(keep.span()) })
}

const NAME_LENGTH_MAX: usize = 64;
