//! A clock that jumps by 25 hours, either way, under the door.

use candor_collector::{Config, Limits};
use candor_event::Clock;

use crate::support::{Front, Options, some};

const JUMP_S: i64 = 25 * 3_600;
const YEAR_S: i64 = 365 * 86_400;

#[tokio::test]
async fn a_clock_that_jumps_holds_nobody_up_and_lets_nobody_through() {
    let limits = Limits { site_per_second: some(1), site_burst: some(4), ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    let front = Front::start(Options { config, ..Options::default() }).await;
    for jump in [0, JUMP_S, -2 * JUMP_S, JUMP_S] {
        front.clock.advance(jump);
        assert_eq!(front.send("one", "192.0.2.1").await.status, 202);
        let (event, now) = (front.last_event(), front.clock.now().unix());
        assert_eq!(event.received_at, now, "it came when the clock says");
        let kept_for = event.grants[0].expires_at - now;
        assert!((YEAR_S..=YEAR_S + 86_400).contains(&kept_for), "{kept_for}");
    }
    // Rates are counted by a clock that nobody sets.
    for jump in [JUMP_S, -2 * JUMP_S] {
        front.clock.advance(jump);
        let refused = front.send("one", "192.0.2.1").await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
        assert_eq!(front.send("two", "192.0.2.1").await.status, 202);
    }
}
