//! `[policy]`: what the controller calls the policy, the bounds it keeps to, the notice's languages.

use super::{Head, Setting};
use crate::document::{Table, Value, choice, day, mark, refuse_repeats, texts};
use crate::problem::Problem;
use crate::{Edition, Language, Profile};

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> Head {
    let keys = ["version", "date", "profile", "languages"];
    let table =
        root.get("policy").and_then(|value| Table::open("[policy]", value, &keys, problems));
    let get = |key| table.as_ref().and_then(|table| table.get(key));
    Head {
        edition: Edition {
            version: get("version").and_then(|value| mark(value, problems)),
            date: get("date").and_then(|value| day(value, problems)),
        },
        profile: profile(get("profile"), problems),
        languages: languages(get("languages"), problems),
    }
}

fn profile(
    value: Option<&Value<'_>>,
    problems: &mut Vec<Problem>,
) -> Option<Setting<&'static Profile>> {
    let Some(value) = value else {
        return Profile::named(Profile::DEFAULT).map(|value| Setting { value, span: None });
    };
    let words: Vec<_> = Profile::all().iter().map(|profile| (profile.name(), profile)).collect();
    choice("profile", value, &words, problems).map(|profile| Setting::said(profile, value.span()))
}

fn languages(value: Option<&Value<'_>>, problems: &mut Vec<Problem>) -> Vec<Language> {
    let Some(value) = value else {
        return vec![Language::En];
    };
    let Some(words) = texts(value, problems) else {
        return vec![Language::En];
    };
    refuse_repeats("language", &words, |word| word, problems);
    let items = value.get_ref().as_array().into_iter().flatten();
    let mut languages = Vec::new();
    for item in items.filter(|item| item.get_ref().as_str().is_some()) {
        let language = choice("language", item, Language::WORDS, problems);
        languages.extend(language.filter(|language| !languages.contains(language)));
    }
    if words.is_empty() {
        let problem = Problem::at(value.span(), "the notice has no language")
            .label("nobody could read it")
            .help("write for example `languages = [\"en\", \"sv\"]`, or take the key away");
        problems.push(problem);
    }
    if languages.is_empty() { vec![Language::En] } else { languages }
}
