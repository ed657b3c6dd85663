//! Which known word somebody may have meant.

/// What to say of a word that is not known: the nearest known one, else all of them.
pub(crate) fn suggest(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("known: {}", listed(known)),
    }
}

/// The known word that is a slip away: few letters differ, or one is the beginning of the other.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let slip = |known: &&'a str| {
        let length = word.chars().count().max(known.chars().count());
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
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// How many letters must be put in, taken out or replaced to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (above, left) in a.chars().enumerate() {
        let mut diagonal = above;
        let mut last = above + 1;
        let mut next = vec![last];
        for (right, &up) in b.chars().zip(row.iter().skip(1)) {
            last = (diagonal + usize::from(left != right)).min(up + 1).min(last + 1);
            diagonal = up;
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
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
            ("", None),
            ("shoe size", None),
        ];
        for (word, want) in cases {
            assert_eq!(nearest(word, &known), want, "{word}");
        }
    }

    #[test]
    fn the_distance_counts_letters() {
        let cases = [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("åb", "ab", 1)];
        for (a, b, want) in cases {
            assert_eq!(distance(a, b), want);
            assert_eq!(distance(b, a), want);
        }
    }
}
