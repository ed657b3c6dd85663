use std::collections::BTreeMap;

use toml::Value;

use super::*;
use crate::Task;

/// Every sentence of a file, by its place in it.
fn sentences(file: &str) -> BTreeMap<String, String> {
    fn walk(place: &str, value: &Value, into: &mut BTreeMap<String, String>) {
        match value {
            Value::String(text) => drop(into.insert(place.to_owned(), text.clone())),
            Value::Table(table) => {
                table.iter().for_each(|(key, value)| walk(&format!("{place}.{key}"), value, into));
            }
            _ => {}
        }
    }
    let mut into = BTreeMap::new();
    walk("", &toml::from_str(file).unwrap(), &mut into);
    into
}

/// The gaps of a sentence, in order.
fn gaps(sentence: &str) -> Vec<&str> {
    let rest = sentence.split('{').skip(1);
    let mut gaps: Vec<_> = rest.map(|rest| rest.split('}').next().unwrap()).collect();
    gaps.sort_unstable();
    gaps.dedup();
    gaps
}

#[test]
fn every_language_can_be_read_and_says_who_has_reviewed_it() {
    for (language, file) in Language::ALL.iter().zip(FILES) {
        let prose: Prose = toml::from_str(file).unwrap_or_else(|e| panic!("{language}: {e}"));
        assert_eq!(prose.reviewed, *language == Language::En, "{language}");
        for field in Field::ALL {
            assert_ne!(prose.field(field), field.label(), "{language}");
            let own = prose.describe(field) != field.describe();
            assert_eq!(own, *language != Language::En, "{language} {}", field.label());
        }
        assert!(Kind::ALL.iter().all(|kind| prose.kinds.contains_key(kind.label())), "{language}");
        assert!(Task::ALL.iter().all(|task| prose.tasks.contains_key(task.label())), "{language}");
    }
}

#[test]
fn every_language_says_the_same() {
    let english = sentences(FILES[0]);
    for (language, file) in Language::ALL.iter().zip(FILES).skip(1) {
        let mut other = sentences(file);
        other.retain(|place, _| {
            !place.starts_with(".fields.") || place.rsplit('.').next() != Some("about")
        });
        assert!(english.keys().eq(other.keys()), "{language}");
        for (place, sentence) in &english {
            assert_eq!(gaps(sentence), gaps(&other[place]), "{language}{place}");
            let ends = |text: &str| text.ends_with(['.', ':']);
            assert_eq!(ends(sentence), ends(&other[place]), "{language}{place}");
        }
    }
}
