//! Which known word somebody may have meant.

/// What to say of a word that is not known: the nearest known one, else all of them.
pub(crate) fn suggest(word: &str, known: &[&str]) -> String {
    suggestion(nearest(word, known), known)
}

/// The same, where it has been looked for.
pub(crate) fn suggestion(nearest: Option<&str>, known: &[&str]) -> String {
    match nearest {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("known: {}", listed(known)),
    }
}

/// What others call a field or a language.
const OTHER_NAMES: [(&str, &str); 5] = [
    ("ip", "address"),
    ("no", "nb"),
    ("referrer", "referrer_host"),
    ("url", "path"),
    ("user_agent", "browser"),
];
/// Nobody means a known word by a longer one.
const LENGTH_MAX: usize = 64;

/// The known word that is a slip away: few letters differ, or one is the beginning of the other.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let meant = OTHER_NAMES.iter().find(|(other, _)| *other == word);
    let meant = meant.and_then(|(_, name)| known.iter().find(|known| *known == name));
    if meant.is_some() || word.len() > LENGTH_MAX {
        return meant.copied();
    }
    let slip = |known: &&'a str| {
        let length = word.chars().count().max(known.chars().count());
        // So many letters are too few or too many at least.
        if word.chars().count().abs_diff(known.chars().count()) * 3 > length {
            return None;
        }
        let distance = distance(word, known);
        (distance * 3 <= length).then_some((distance, *known))
    };
    let begins = |known: &&&str| {
        let shorter = word.len().min(known.len());
        shorter >= 3 && (known.starts_with(word) || word.starts_with(**known))
    };
    let nearest = known.iter().filter_map(slip).min();
    nearest.map(|(_, known)| known).or_else(|| known.iter().find(begins).copied())
}

/// `a`, `b` and `c`, quoted.
pub(crate) fn listed(words: &[&str]) -> String {
    joined(words, " and ")
}

/// `a`, `b` or `c`, quoted.
pub(crate) fn either(words: &[&str]) -> String {
    joined(words, " or ")
}

fn joined(words: &[&str], before_last: &str) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => rest.join(", ") + before_last + last,
        _ => quoted.concat(),
    }
}

/// How many letters must be put in, taken out, replaced or swapped with the next to make one word of the
/// other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or_default();
    let mut rows = [Vec::new(), (0..=b.len()).collect::<Vec<usize>>()];
    let mut before = None;
    for (above, left) in a.chars().enumerate() {
        let [second, last] = rows;
        let mut row = vec![above + 1];
        for (at, &right) in b.iter().enumerate() {
            let replaced = cell(&last, at) + usize::from(left != right);
            let mut cost = replaced.min(cell(&last, at + 1) + 1).min(cell(&row, at) + 1);
            let one_before = at.checked_sub(1).and_then(|at| b.get(at));
            if one_before == Some(&left) && before == Some(right) {
                cost = cost.min(cell(&second, at - 1) + 1);
            }
            row.push(cost);
        }
        before = Some(left);
        rows = [last, row];
    }
    let [_, last] = rows;
    cell(&last, b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood_and_guesses_are_not_made() {
        let known = ["path", "referrer_host", "country", "legitimate-interest"];
        let cases = [
            ("pth", Some("path")),
            ("Path", Some("path")),
            ("refferer_host", Some("referrer_host")),
            ("referrer", Some("referrer_host")),
            ("contry", Some("country")),
            ("legitimate_interest", Some("legitimate-interest")),
            ("ip", None),
            ("url", Some("path")),
            ("", None),
            ("shoe size", None),
        ];
        for (word, want) in cases {
            assert_eq!(nearest(word, &known), want, "{word}");
        }
    }

    #[test]
    fn the_distance_counts_letters() {
        let cases = [
            ("", "", 0),
            ("a", "", 1),
            ("kitten", "sitting", 3),
            ("åb", "ab", 1),
            ("gcp", "gpc", 1),
            ("ca", "abc", 3),
        ];
        for (a, b, want) in cases {
            assert_eq!(distance(a, b), want);
            assert_eq!(distance(b, a), want);
        }
    }
}
