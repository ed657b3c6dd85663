//! Stricter is never looser: whatever is taken away from a policy or from a consent, no purpose keeps
//! more of an event, or keeps it longer.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test binary")]

#[path = "support/notices.rs"]
mod notices;
#[path = "support/visits.rs"]
mod visits;

use candor_event::Timestamp;
use notices::notices;
use proptest::prelude::*;
use visits::{is_within, kept, restrict, restrictions, visits};

proptest! {
    #[test]
    fn a_restriction_never_admits_more_or_keeps_longer(
        notice in notices(), visit in visits(), at: usize, restriction in restrictions(),
    ) {
        let loose = notice.compile();
        if let Some(strict) = restrict(notice, at, restriction) {
            prop_assert!(is_within(&kept(&strict.compile(), &visit), &kept(&loose, &visit)));
        }
    }

    #[test]
    fn consent_taken_away_or_a_signal_sent_never_admits_more(
        notice in notices(), visit in visits(), at in 0..4_usize, sent: [bool; 3],
    ) {
        let policy = notice.compile();
        let mut strict = visit.clone();
        strict.signals.iter_mut().zip(sent).for_each(|(signal, sent)| *signal |= sent);
        strict.consent.iter_mut().skip(at).for_each(|answer| *answer = answer.and(Some(false)));
        prop_assert!(is_within(&kept(&policy, &strict), &kept(&policy, &visit)));
    }

    #[test]
    fn nothing_is_kept_longer_than_the_notice_promises(notice in notices(), visit in visits()) {
        let policy = notice.compile();
        let received_at = Timestamp::from_unix(1_790_000_000 - visit.age_days * 86_400);
        for (name, _, expires_at) in kept(&policy, &visit) {
            let rule = policy.purposes().iter().find(|rule| rule.name().as_str() == name).unwrap();
            let category = rule.categories().iter().find(|(kind, _)| *kind == visit.kind);
            let promised = category.map_or_else(|| rule.retention().longest(), |(_, period)| *period);
            prop_assert!(expires_at <= promised.expires(received_at));
        }
    }
}
