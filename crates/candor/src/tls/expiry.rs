//! When certificates run out: measured, and told in time.

use std::sync::Arc;

use candor_event::{Clock, Timestamp};

/// Looks after the end of one certificate.
pub(super) struct Expiry {
    /// Whose it is.
    of: &'static str,
    at: Option<Timestamp>,
    clock: Arc<dyn Clock>,
    /// When it was warned of last.
    told_at: Option<Timestamp>,
}

/// What is to be said of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Warning {
    /// It has run out.
    Over,
    /// It runs out in so many days, the last of them not whole.
    Soon(i64),
}

const DAY_S: i64 = 86_400;
/// Whoever renews certificates by himself has done so by then; for all others it is time enough.
const WARN_DAYS: i64 = 14;

// === impl Expiry ===

impl Expiry {
    pub(super) fn new(of: &'static str, clock: Arc<dyn Clock>) -> Self {
        Self { of, at: None, clock, told_at: None }
    }

    /// A certificate was read.
    pub(super) fn read(&mut self, at: Option<Timestamp>) {
        self.at = at;
        self.told_at = None;
        let unix = at.map_or(f64::NAN, |at| seconds(at.unix()));
        metrics::gauge!("candor_tls_certificate_expires_timestamp_seconds", "of" => self.of)
            .set(unix);
        self.look();
    }

    /// Warns, if it is time to.
    pub(super) fn look(&mut self) {
        match self.warning() {
            None => {}
            Some(Warning::Over) => tracing::error!(
                of = self.of,
                "the certificate has run out: nobody believes it; put a new one in its place"
            ),
            Some(Warning::Soon(days)) => tracing::warn!(
                of = self.of,
                days,
                "the certificate runs out soon: put a new one in its place"
            ),
        }
    }

    fn warning(&mut self) -> Option<Warning> {
        let now = self.clock.now().unix();
        let left = self.at?.unix() - now;
        let is_told = self.told_at.is_some_and(|told| (now - told.unix()).abs() < DAY_S);
        if left >= WARN_DAYS * DAY_S || is_told {
            return None;
        }
        self.told_at = Some(Timestamp::from_unix(now));
        Some(if left <= 0 { Warning::Over } else { Warning::Soon(left / DAY_S) })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; dates are far below 2^53")]
const fn seconds(unix: i64) -> f64 {
    unix as f64
}

#[cfg(test)]
mod tests {
    use candor_event::ManualClock;

    use super::*;

    #[test]
    fn it_is_warned_of_from_fourteen_days_before_on_once_a_day() {
        let clock = ManualClock::at(Timestamp::from_unix(1_790_000_000));
        let mut expiry = Expiry::new("test", Arc::new(clock.clone()));
        let in_days = |days: i64| Some(clock.now().plus_seconds(days * DAY_S));
        let at = in_days(15);
        expiry.at = at;
        assert_eq!(expiry.warning(), None);
        clock.advance(DAY_S + 1);
        assert_eq!(expiry.warning(), Some(Warning::Soon(13)));
        clock.advance(DAY_S - 1);
        assert_eq!(expiry.warning(), None, "it was told a day ago, nearly");
        clock.advance(1);
        assert_eq!(expiry.warning(), Some(Warning::Soon(12)));
        clock.advance(2 * DAY_S);
        assert_eq!(expiry.warning(), Some(Warning::Soon(10)));
        clock.advance(-25 * 3_600);
        assert_eq!(expiry.warning(), Some(Warning::Soon(12)), "whatever its clock does");
        clock.advance(20 * DAY_S);
        assert_eq!(expiry.warning(), Some(Warning::Over));

        expiry.read(in_days(3));
        assert_eq!(expiry.warning(), None, "it was told when it was read");
        expiry.read(in_days(400));
        clock.advance(DAY_S);
        assert_eq!(expiry.warning(), None);
        expiry.read(None);
        assert_eq!(expiry.warning(), None, "nothing is said of what cannot be read");
    }
}
