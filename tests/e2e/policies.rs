//! Policies that change while beacons come in: taken over whole, or refused whole.

use candor_tests::{Candor, Policy, eventually, policy};

use super::pageview;

const TAKEN_OVER: &str = r#"candor_policy_reloads_total{outcome="taken_over"}"#;
const REFUSED: &str = r#"candor_policy_reloads_total{outcome="refused"}"#;

fn with_fields(fields: &[&str]) -> Policy {
    policy().purpose("statistics", "consent", "24 months", fields)
}

fn taken_over(candor: &Candor, times: u64) {
    eventually("other policies are in force", || {
        (candor.metric(TAKEN_OVER) == times).then_some(())
    });
}

fn refused(candor: &Candor, times: u64) {
    eventually("other policies are refused", || (candor.metric(REFUSED) == times).then_some(()));
}

#[test]
fn a_changed_policy_is_in_force_without_a_restart() {
    let candor = Candor::with_policy(with_fields(&["path"]));
    let before = pageview(r#","title":"before""#);
    assert_eq!(candor.send(&before).status, 202);

    candor.rewrite_policy(with_fields(&["path", "title"]).text());
    taken_over(&candor, 1);
    assert_eq!(candor.send(&pageview(r#","title":"after""#)).status, 202);
    candor.sql_becomes("SELECT title FROM candor.statistics WHERE title != ''", "after");
    candor.sql_becomes("SELECT count(), uniqExact(policy_version) FROM candor.statistics", "2\t2");

    // A purpose of which there was no table.
    let two =
        with_fields(&["path", "title"]).purpose("marketing", "consent", "6 months", &["path"]);
    candor.rewrite_policy(two.text());
    candor.hang_up();
    taken_over(&candor, 2);
    assert_eq!(candor.send(&pageview("")).status, 202);
    candor.sql_becomes("SELECT count() FROM candor.marketing", "1");
}

#[test]
fn what_is_refused_changes_nothing() {
    let strict = with_fields(&["path"]);
    let mut candor = Candor::with_policy(strict.clone());
    let whole = with_fields(&["path", "title", "language"]);
    let half = whole.text().split_at(whole.text().len() / 2).0;
    let two_sites =
        format!("{}[[sites]]\nname = \"demo\"\nhosts = [\"localhost\"]\n", strict.text());
    for (index, wrong) in [half, "", &two_sites].into_iter().enumerate() {
        candor.rewrite_policy(wrong);
        refused(&candor, index as u64 + 1);
        assert_eq!(candor.metric("candor_policies_refused"), 1);
        assert_eq!(candor.send(&pageview(r#","title":"t""#)).status, 202);
    }
    candor.sql_becomes("SELECT count() FROM candor.statistics", "3");
    let columns =
        "SELECT count() FROM system.columns WHERE table = 'statistics_rows' AND name = 'title'";
    assert_eq!(candor.sql(columns), "0", "not even the tables follow");
    assert!(candor.log().contains("those before stay in force"), "{}", candor.log());

    // Nor does a file that goes away open or close anything.
    std::fs::remove_file(candor.policies().join("test.toml")).unwrap();
    refused(&candor, 4);
    assert_eq!(candor.send(&pageview("")).status, 202);

    candor.rewrite_policy(whole.text());
    taken_over(&candor, 1);
    assert_eq!(candor.metric("candor_policies_refused"), 0);
    assert!(candor.stop().success());
}

#[test]
fn a_file_that_is_being_written_to_is_not_obeyed() {
    let whole = with_fields(&["path"]).with("[page]\nreplace_path = [\"/secret/*\"]");
    let candor = Candor::with_policy(whole.clone());
    let file = candor.policies().join("test.toml");
    let cut_off = with_fields(&["path"]);
    std::fs::write(&file, cut_off.text()).unwrap();
    refused(&candor, 1);
    let secret = r#"{"site":"demo","url":"http://localhost/secret/a","consent":true}"#;
    assert_eq!(candor.send(secret).status, 202);
    candor.sql_becomes("SELECT path FROM candor.statistics", "/secret/*");
    assert!(candor.log().contains("may not be whole yet"), "{}", candor.log());

    // Somebody says that it is whole.
    let longer = whole.with("[publish]\nsmallest_cell = 11");
    std::fs::write(&file, longer.text()).unwrap();
    assert!(candor.policy(&["publish"]).contains("is published"));
    taken_over(&candor, 1);
    std::fs::write(&file, cut_off.text()).unwrap();
    candor.hang_up();
    taken_over(&candor, 2);
}

#[test]
fn a_stricter_policy_reaches_back() {
    let candor = Candor::with_policy(with_fields(&["path", "title"]));
    assert_eq!(candor.send(&pageview(r#","title":"t""#)).status, 202);
    candor.sql_becomes("SELECT count() FROM candor.statistics WHERE title = 't'", "1");
    let stricter = policy().purpose("statistics", "consent", "12 months", &["path"]);
    candor.rewrite_policy(stricter.text());
    taken_over(&candor, 1);
    let kept = "SELECT title = '' AND expires_at = received_at + INTERVAL 12 MONTH FROM candor.statistics_rows";
    assert_eq!(candor.sql(kept), "1");
}
