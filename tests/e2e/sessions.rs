//! Sessions: what is one, over midnight and over rotations of keys, against rows of every sort.

mod model;

use candor_tests::{Candor, Options, Policy, policy};

use self::model::{DAY, Event, reference};
use super::schema::{is_idle, migrate};

const FIELDS: &[&str] = &["path", "channel", "dwell", "bot", "visitor"];
const COLUMNS: &str = "site, toUnixTimestamp(began_at), toUnixTimestamp(ended_at), duration_s, pages, events, \
                       is_bounce, entry_path, exit_path, dwell_ms, visitor";

fn keeping(fields: &[&str]) -> Policy {
    policy()
        .with("[[sites]]\nname = \"other\"\nhosts = [\"other.example\"]")
        .with("[visitor]\nmode = \"rotating\"")
        .purpose("statistics", "consent", "24 months", fields)
        .purpose("security", "legitimate-interest", "7 days", &["visitor"])
}

fn now(candor: &Candor) -> i64 {
    candor.sql("SELECT toUnixTimestamp(now())").parse().unwrap()
}

fn insert(candor: &Candor, events: &[Event]) {
    let rows: Vec<_> = events.iter().map(Event::values).collect();
    candor.sql(&format!(
        "INSERT INTO candor.statistics_rows (site, kind, received_at, expires_at, path, dwell_ms, bot, channel, \
         visitor, visitor_previous) VALUES {}",
        rows.join(", ")
    ));
}

/// All sessions, in order.
fn sessions(candor: &Candor) -> Vec<String> {
    let query = format!("SELECT {COLUMNS} FROM candor.statistics_sessions");
    let mut found: Vec<_> = candor.sql(&query).lines().map(str::to_owned).collect();
    found.sort();
    found
}

/// When they began, ended, and how many events they had: of one visitor's sessions, and in order.
fn times(candor: &Candor, from: i64) -> String {
    candor.sql(&format!(
        "SELECT arraySort(groupArray((toInt64(began_at) - {from}, toInt64(ended_at) - {from}, events))) \
         FROM candor.statistics_sessions"
    ))
}

#[test]
fn half_an_hour_without_an_event_ends_a_session() {
    let noon = |candor: &Candor| now(candor) / DAY * DAY - 2 * DAY + DAY / 2;
    for (gap, want) in [
        (1_799, "[(0,1799,2)]"),
        (1_800, "[(0,0,1),(1800,1800,1)]"),
        (1_801, "[(0,0,1),(1801,1801,1)]"),
    ] {
        let candor = Candor::with_policy(keeping(FIELDS));
        let noon = noon(&candor);
        insert(&candor, &[Event::page(1, noon, "/a"), Event::page(1, noon + gap, "/b")]);
        assert_eq!(times(&candor, noon), want);
    }
}

#[test]
fn visits_become_sessions() {
    let candor = Candor::with_policy(keeping(FIELDS));
    let noon = now(&candor) / DAY * DAY - 2 * DAY + DAY / 2;
    let engaged = |visitor, at, path, dwell_ms| Event {
        kind: "engagement",
        dwell_ms,
        ..Event::page(visitor, at, path)
    };
    insert(
        &candor,
        &[
            // One page, looked at for ten seconds.
            Event { channel: "direct", ..Event::page(1, noon, "/a") },
            engaged(1, noon + 10, "/a", 10_000),
            // Two visitors by turns, one of them on two sites.
            Event { channel: "email", ..Event::page(2, noon, "/in") },
            Event::page(3, noon + 1, "/x"),
            Event { channel: "referral", ..Event::page(2, noon + 60, "/mid") },
            Event::page(3, noon + 61, "/y"),
            Event { kind: "download", ..Event::page(2, noon + 90, "/file") },
            Event::page(2, noon + 120, "/out"),
            Event { site: "other", ..Event::page(2, noon + 100, "/else") },
            // A page that is read for forty minutes.
            Event::page(4, noon, "/long"),
            engaged(4, noon + 2_400, "/long", 2_400_000),
            // A page that was left open, is seen again and left: no visit. Then one goes on from there.
            engaged(5, noon, "/open", 2_000),
            engaged(6, noon, "/open", 2_000),
            Event { channel: "direct", ..Event::page(6, noon + 9, "/next") },
            // Robots, and whoever has no id, have none.
            Event { bot: "search", ..Event::page(7, noon, "/a") },
            Event::page(0, noon, "/a"),
        ],
    );
    let query = format!(
        "SELECT site, toInt64(began_at) - {noon}, duration_s, pages, events, is_bounce, entry_path, exit_path, \
         dwell_ms, channel FROM candor.statistics_sessions ORDER BY toString(visitor), site"
    );
    let want = [
        "demo\t0\t10\t1\t2\t1\t/a\t/a\t10000\tdirect",
        "demo\t0\t120\t3\t4\t0\t/in\t/out\t0\temail",
        "other\t100\t0\t1\t1\t1\t/else\t/else\t0\t",
        "demo\t1\t60\t2\t2\t0\t/x\t/y\t0\t",
        "demo\t0\t2400\t1\t2\t1\t/long\t/long\t2400000\t",
        "demo\t0\t9\t1\t2\t1\t/next\t/next\t2000\tdirect",
    ];
    assert_eq!(candor.sql(&query).lines().collect::<Vec<_>>(), want);
    let other =
        "SELECT site, entry_path FROM candor.statistics_sessions__test WHERE site = 'other'";
    assert_eq!(candor.sql(other), "other\t/else");
}

#[test]
fn a_session_over_midnight_is_one_while_the_former_id_lives() {
    let candor = Candor::with_policy(keeping(FIELDS));
    let midnight = now(&candor) / DAY * DAY;
    let after = |former, id, at| Event { former, ..Event::page(id, at, "/b") };
    insert(
        &candor,
        &[
            Event::page(1, midnight - 600, "/a"),
            after(1, 2, midnight + 300),
            Event::page(2, midnight + 1_900, "/c"),
            // Somebody who came back too late for it.
            Event::page(11, midnight - 1_000, "/a"),
            after(11, 12, midnight + 900),
        ],
    );
    assert_eq!(times(&candor, midnight), "[(-1000,-1000,1),(-600,1900,3),(900,900,1)]");
    let day = format!(
        "SELECT count() FROM candor.statistics_sessions WHERE day = toDate({midnight}) - 1"
    );
    assert_eq!(candor.sql(&day), "2");
    let first = "SELECT countIf(endsWith(toString(visitor), '-000000000001')) FROM candor.statistics_sessions";
    assert_eq!(candor.sql(first), "1", "a session has the id of its beginning");
    let strict =
        candor.sql("SELECT count() FROM candor.statistics_sessions SETTINGS join_use_nulls = 1");
    assert_eq!(strict, "3", "whatever a client sets for joins");
}

#[test]
fn a_former_id_counts_for_a_day_although_it_is_still_there() {
    let candor = Candor::with_policy(keeping(FIELDS));
    let now = now(&candor);
    let pair = |id, at| {
        [Event::page(id, at - 60, "/a"), Event { former: id, ..Event::page(id + 1, at, "/b") }]
    };
    candor.sql("SYSTEM STOP MERGES candor.statistics_rows");
    insert(&candor, &[pair(1, now - DAY + 600), pair(11, now - DAY - 1)].concat());
    let found = times(&candor, now - DAY);
    assert_eq!(found, "[(-61,-61,1),(-1,-1,1),(540,600,2)]");
}

#[test]
fn a_session_goes_on_over_three_keys() {
    let candor = Candor::with_policy(keeping(FIELDS));
    let start = now(&candor) - 7_200;
    let after = |former, id, at| Event { former, ..Event::page(id, at, "/b") };
    insert(
        &candor,
        &[
            Event::page(1, start, "/a"),
            after(1, 2, start + 1_000),
            Event::page(2, start + 2_700, "/c"),
            after(2, 3, start + 4_000),
            Event::page(3, start + 5_700, "/d"),
        ],
    );
    assert_eq!(times(&candor, start), "[(0,5700,5)]");
}

#[test]
fn a_session_is_followed_until_the_morning() {
    let candor = Candor::with_policy(keeping(FIELDS));
    let midnight = now(&candor) / DAY * DAY - 5 * DAY;
    let events: Vec<_> =
        (-1..20).map(|n| Event::page(1, midnight + n * 1_500 + 300, "/screen")).collect();
    insert(&candor, &events);
    assert_eq!(times(&candor, midnight), "[(-1200,21300,16)]");
}

/// The real way: keys that last for seconds, and a visitor who stays.
#[test]
fn rotations_do_not_end_a_session() {
    let candor = Candor::start(Options {
        policy: Some(keeping(FIELDS)),
        config: "[keys]\nrotation_s = 3\noverlap_s = 2\n".to_owned(),
        ..Options::default()
    });
    let headers = [("content-type", "application/json"), ("x-forwarded-for", "198.51.100.77")];
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let headers = [&headers[..], &[("user-agent", agent)]].concat();
    let mut sent = 0;
    let ids = "SELECT uniqExact(visitor) FROM candor.statistics";
    while sent == 0 || candor.sql(ids).parse::<u32>().unwrap() < 3 {
        assert!(sent < 200, "no rotations were seen");
        assert_eq!(candor.beacons().post("/v1/events", &headers, super::pageview("")).status, 202);
        sent += 1;
        candor.sql_becomes("SELECT count() FROM candor.statistics", &sent.to_string());
    }
    let sessions = candor.sql("SELECT count(), sum(events) FROM candor.statistics_sessions");
    assert_eq!(sessions, format!("1\t{sent}"));
}

#[test]
fn an_overdue_row_vanishes_from_its_session() {
    let candor = Candor::with_policy(keeping(FIELDS));
    let now = now(&candor);
    candor.sql("SYSTEM STOP MERGES candor.statistics_rows");
    insert(
        &candor,
        &[
            Event::page(1, now - 100, "/a"),
            Event { expires_at: now + 5, ..Event::page(1, now - 50, "/b") },
            Event { expires_at: now + 5, ..Event::page(2, now - 50, "/b") },
        ],
    );
    let seen = "SELECT arraySort(groupArray((events, exit_path))) FROM candor.statistics_sessions";
    candor.sql_becomes(seen, "[(1,'/b'),(2,'/b')]");
    candor.sql_becomes(seen, "[(1,'/a')]");
    assert_eq!(candor.sql("SELECT count() FROM candor.statistics_rows"), "3", "no merge helped");
}

/// Any rows give the sessions that a program finds which does it the simple way.
#[test]
fn sessions_are_those_of_the_reference() {
    for seed in 1..=3 {
        let candor = Candor::with_policy(keeping(FIELDS));
        let now = now(&candor);
        let events = model::visits(seed, now);
        insert(&candor, &events);
        let want = reference(&events, now);
        assert!(want.len() > 300, "seed {seed}: only {} sessions", want.len());
        let found = sessions(&candor);
        let missing = want.iter().find(|session| !found.contains(session));
        let wrong = found.iter().find(|session| !want.contains(session));
        assert_eq!((missing, wrong), (None, None), "seed {seed}, now {now}");
        assert_eq!(found.len(), want.len(), "seed {seed}, now {now}");
    }
}

/// A condition on the day reaches the index of every read, through a team's view too.
#[test]
fn a_question_about_some_days_reads_those() {
    let candor = Candor::with_policy(keeping(FIELDS));
    insert(&candor, &model::visits(9, now(&candor)));
    let plan = candor.sql(
        "EXPLAIN indexes = 1 SELECT count() FROM candor.statistics_sessions__test \
         WHERE site = 'demo' AND day >= today() - 2",
    );
    let is_of_site = |line: &&str| line.contains("Condition: ") && line.contains("(site in");
    let (days, former): (Vec<_>, Vec<_>) =
        plan.lines().filter(is_of_site).partition(|line| line.contains("toDate(received_at)"));
    assert_eq!(days.len(), 6, "{plan}");
    // Former ids are looked for in the last day alone.
    assert!(former.iter().all(|line| line.contains("received_at in")), "{plan}");
}

#[test]
fn a_policy_that_comes_to_keep_an_id_gets_sessions() {
    let mut candor = Candor::with_policy(keeping(&["path"]));
    let gone = candor.sql_answer("SELECT 1 FROM candor.statistics_sessions");
    assert!(gone.body.contains("UNKNOWN_TABLE"), "{}", gone.body);
    candor.change_policy(keeping(&["path", "visitor"]));
    let (ok, text) = migrate(&candor, &["--dry-run"]);
    for view in ["candor.statistics_sessions (", "candor.statistics_sessions__test ("] {
        assert!(ok && text.contains(&format!("CREATE OR REPLACE VIEW {view}")), "{text}");
    }
    let (ok, text) = migrate(&candor, &[]);
    assert!(ok, "{text}");
    let (ok, text) = migrate(&candor, &["--dry-run"]);
    assert!(ok && is_idle(&text), "{text}");
    assert_eq!(candor.sql("SELECT count() FROM candor.statistics_sessions__test"), "0");
    let explained =
        "SELECT countIf(comment = '') FROM system.columns WHERE table = 'statistics_sessions'";
    assert_eq!(candor.sql(explained), "0");

    candor.change_policy(keeping(&["visitor"]));
    let (ok, text) = migrate(&candor, &[]);
    assert!(ok && text.contains("VIEW candor.statistics_sessions ("), "{text}");
    let paths =
        "SELECT countIf(name LIKE '%path') FROM system.columns WHERE table = 'statistics_sessions'";
    assert_eq!(candor.sql(paths), "0");
}
