//! Texts of the controller's own that visitors read: one for each language of the notice.

use toml::de::DeValue;

use crate::document::{Value, in_order, sentences};
use crate::nearest::{listed, suggest};
use crate::problem::Problem;
use crate::{Language, Texts};

/// A text, when the notice has one language, else a table of them. `key` is what it is written under.
pub(super) fn read(
    key: &str,
    value: &Value<'_>,
    languages: &[Language],
    problems: &mut Vec<Problem>,
) -> Option<Texts> {
    let DeValue::Table(table) = value.get_ref() else {
        let text = sentences(value, problems)?;
        if let [language] = languages {
            return Some(Texts::new(vec![(*language, text)]));
        }
        let problem = Problem::at(value.span(), format!("`{key}` is given in one language"))
            .label("the notice has several")
            .help(format!("write one text for each: `{key} = {{ {} }}`", example(languages)));
        problems.push(problem);
        return None;
    };
    let mut texts = Vec::new();
    for (word, value) in in_order(table) {
        let known = Language::WORDS.iter().find(|(known, _)| known == word.get_ref());
        match known {
            Some((_, language)) => {
                let text = sentences(value, problems).unwrap_or_default();
                texts.push((*language, text));
            }
            None => problems.push(unknown_language(key, word.get_ref(), word.span())),
        }
    }
    let is_missing = |language: &&Language| !texts.iter().any(|(has, _)| has == *language);
    let missing: Vec<_> =
        languages.iter().filter(is_missing).map(|language| language.label()).collect();
    if missing.is_empty() {
        return Some(Texts::new(texts));
    }
    let problem = Problem::at(value.span(), format!("`{key}` has no text in {}", listed(&missing)))
        .label("the notice could not say it")
        .help(format!("write all of `{key} = {{ {} }}`", example(languages)));
    problems.push(problem);
    None
}

fn unknown_language(key: &str, word: &str, span: std::ops::Range<usize>) -> Problem {
    let known: Vec<_> = Language::WORDS.iter().map(|(word, _)| *word).collect();
    Problem::at(span, format!("unknown language `{word}`"))
        .label(format!("not a language of `{key}`"))
        .help(suggest(word, &known))
}

fn example(languages: &[Language]) -> String {
    let texts: Vec<_> = languages.iter().map(|language| format!("{language} = \"…\"")).collect();
    texts.join(", ")
}
