//! `[page]`: what is kept of the address of a page. Without the table no query parameter is, and the path
//! as it is, without what is never kept.

use super::Setting;
use crate::document::{Table, Value, refuse_repeats, texts};
use crate::page::{PathPattern, PatternError};
use crate::problem::Problem;

type Page = (Option<Setting<Vec<String>>>, Vec<PathPattern>);

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> Page {
    // The table that it was before may be there instead, which has been noted.
    let absent =
        || root.get("query").is_none().then_some(Setting { value: Vec::new(), span: None });
    let Some(value) = root.get("page") else {
        return (absent().filter(|_| !root.misspells("page")), Vec::new());
    };
    let keys = ["keep_query", "replace_path"];
    let Some(table) = Table::open("[page]", value, &keys, problems) else {
        return (None, Vec::new());
    };
    let keep_query = match table.get("keep_query") {
        Some(value) => keep_query(value, problems),
        None => absent().filter(|_| !table.misspells("keep_query")),
    };
    let replace_path = table.get("replace_path").map(|value| replace_path(value, problems));
    (keep_query, replace_path.unwrap_or_default())
}

fn keep_query(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Setting<Vec<String>>> {
    let names = texts(value, problems)?;
    refuse_repeats("parameter", &names, |name| name, problems);
    for name in &names {
        if !(1..=NAME_LENGTH_MAX).contains(&name.get_ref().len()) {
            let problem = Problem::at(name.span(), "not the name of a query parameter")
                .label("empty or too long")
                .help(format!("write 1 to {NAME_LENGTH_MAX} bytes"));
            problems.push(problem);
        }
    }
    let mut kept: Vec<_> = names.iter().map(|name| (*name.get_ref()).to_owned()).collect();
    kept.sort();
    Some(Setting::said(kept, value.span()))
}

fn replace_path(value: &Value<'_>, problems: &mut Vec<Problem>) -> Vec<PathPattern> {
    let words = texts(value, problems).unwrap_or_default();
    refuse_repeats("pattern", &words, |word| word, problems);
    if let Some(beyond) = words.get(PATTERNS_MAX) {
        let problem = Problem::at(beyond.span(), "too many patterns")
            .label(format!("one more than {PATTERNS_MAX}"))
            .help("let a pattern cover more: `/orders/*` covers all that lies below it");
        problems.push(problem);
    }
    let mut patterns = Vec::new();
    for word in &words {
        let error = match PathPattern::parse(word.get_ref()) {
            Ok(pattern) => {
                patterns.push(pattern);
                continue;
            }
            Err(error) => error,
        };
        let help = match error {
            PatternError::NotAPath => "begin with `/`, without query and spaces: `/orders/*`",
            PatternError::NoStar => "put a star where something is to be replaced: `/orders/*`",
            PatternError::PartOfAStep => {
                "a star stands for a whole step (`/orders/*/lines`), two for all the rest (`/me/**`)"
            }
        };
        let problem = Problem::at(word.span(), format!("`{}` {error}", word.get_ref()));
        problems.push(problem.label("is no pattern").help(help));
    }
    patterns.sort();
    patterns
}

const NAME_LENGTH_MAX: usize = 64;
const PATTERNS_MAX: usize = 100;
