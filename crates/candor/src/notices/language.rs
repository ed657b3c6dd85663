//! Which language of a notice a browser likes best.

use candor_policy::Language;
use http::HeaderValue;

/// The language that `Accept-Language` (RFC 9110, section 12.5.4) puts highest; the first of the notice's own
/// when it names none of them.
pub(super) fn best<'a>(
    has: &[Language],
    headers: impl IntoIterator<Item = &'a HeaderValue>,
) -> Option<Language> {
    let ranges = headers.into_iter().filter_map(|value| value.to_str().ok());
    let ranges = ranges.flat_map(|value| value.split(','));
    let mut best: Option<(u32, Language)> = None;
    for (weight, language) in ranges.filter_map(range) {
        let is_better = best.is_none_or(|(highest, _)| weight > highest);
        if is_better && weight > 0 && has.contains(&language) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language).or_else(|| has.first().copied())
}

/// A language and its weight in thousandths, of `sv-FI;q=0.8`.
fn range(text: &str) -> Option<(u32, Language)> {
    let (tag, weight) = text.split_once(";q=").unwrap_or((text, "1"));
    let primary = tag.trim().split('-').next()?.to_ascii_lowercase();
    let language = match primary.as_str() {
        // Norwegian in general, and its other written form.
        "no" | "nn" => Language::Nb,
        primary => Language::parse(primary)?,
    };
    Some((thousandths(weight.trim())?, language))
}

/// `0.85` is 850.
fn thousandths(weight: &str) -> Option<u32> {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = format!("{whole}{part:0<3}");
    let is_weight = whole.len() == 1 && part.len() <= 3;
    digits.parse().ok().filter(|_| is_weight).map(|weight: u32| weight.min(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_language_that_the_notice_has_wins() {
        use Language::{En, Fi, Nb, Sv};
        let cases: [(&[Language], &str, Language); 10] = [
            (&[Fi, Sv], "sv-FI,sv;q=0.9,fi;q=0.8", Sv),
            (&[Fi, Sv], "de, fi;q=0.2, sv;q=0.35", Sv),
            (&[Fi, Sv], "en", Fi),
            (&[Sv, En], "fi;q=1.0, EN-gb ;q=0.5", En),
            (&[Nb, En], "nn-NO", Nb),
            (&[En, Nb], "no", Nb),
            (&[Fi, Sv], "sv;q=0", Fi),
            (&[Fi, Sv], "sv;q=high", Fi),
            (&[Fi, Sv], "*", Fi),
            (&[Fi, Sv], "", Fi),
        ];
        for (has, header, want) in cases {
            let header = HeaderValue::from_static(header);
            assert_eq!(best(has, [&header]), Some(want), "{header:?}");
        }
        assert_eq!(best(&[Sv], []), Some(Sv));
    }
}
