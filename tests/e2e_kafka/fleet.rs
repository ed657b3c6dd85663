//! Two collectors that share keys, before one Kafka and one ClickHouse.

use candor_tests::{Authority, Parts, PartsOptions, eventually, free_address, policy};

/// Several epochs pass in one test.
const ROTATION_S: u32 = 5;

/// A leader and a follower, in this order, ready.
fn fleet(authority: &Authority) -> Parts {
    let hashed = policy().with("[address]\nmode = \"hash\"").purpose(
        "statistics",
        "consent",
        "1 months",
        &["path", "address"],
    );
    let config = format!(
        "sink.batch_age_ms = 1000\nkafka.session_timeout_s = 2\n[keys]\nrotation_s = {ROTATION_S}\noverlap_s = 1\n"
    );
    let options = PartsOptions { policy: Some(hashed), config, ..PartsOptions::default() };
    let mut parts = Parts::prepare(&options);
    parts.engine.restart();
    assert!(parts.migrate(&[]).status.success());
    parts.add_sink();
    let (dir, address) = (authority.dir().display(), free_address());
    let port = address.rsplit_once(':').unwrap().1;
    for (name, role) in [
        ("leader", format!("listen = '{address}'")),
        ("follower", format!("leader = 'localhost:{port}'")),
    ] {
        parts.add_collector_with(&format!(
            "[keys.fleet]\n{role}\nca_file = '{dir}/ca.pem'\ncertificate_file = '{dir}/{name}.pem'\n\
             key_file = '{dir}/{name}.key'\n"
        ));
    }
    for collector in &parts.collectors {
        collector.wait_until_ready();
    }
    parts
}

/// The same visitor comes to one of the collectors; the page says to which.
fn visit(parts: &Parts, collector: usize) -> u16 {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", "198.51.100.77")];
    let body = format!(r#"{{"site":"demo","url":"http://localhost/{collector}","consent":true}}"#);
    parts.collectors[collector].beacons().post("/v1/events", &headers, body).status
}

#[test]
fn a_visitor_of_two_collectors_has_one_id_in_an_epoch_and_none_across() {
    let authority = Authority::of(&["leader", "follower"]);
    let parts = fleet(&authority);
    let mut sent = 0;
    // Epochs in which both were visited.
    let shared = "SELECT count() FROM (SELECT key_epoch FROM candor.statistics_rows GROUP BY key_epoch \
                  HAVING uniqExact(path) = 2)";
    eventually("both were visited in three epochs", || {
        for collector in [0, 1] {
            assert_eq!(visit(&parts, collector), 202, "no rotation costs a beacon");
            sent += 1;
        }
        (parts.sql(shared).parse::<u32>().unwrap() >= 3).then_some(())
    });
    parts.sql_becomes("SELECT count() FROM candor.statistics", &sent.to_string());
    let pairs = "SELECT uniqExact(address_hash) = uniqExact(key_epoch), \
                 uniqExact(key_epoch, address_hash) = uniqExact(key_epoch) FROM candor.statistics_rows";
    assert_eq!(parts.sql(pairs), "1\t1", "one id in each epoch, another in every other");
    let drawn = parts.collectors[1].metric("pipeline_key_epochs_total{reason=\"start\"}");
    assert_eq!(drawn, 0, "a follower draws none");
}

#[test]
fn who_misses_a_rotation_stops_until_the_leader_is_back() {
    let authority = Authority::of(&["leader", "follower"]);
    let mut parts = fleet(&authority);
    assert_eq!(visit(&parts, 1), 202);
    parts.collectors[0].kill();
    let mut kept = 1;
    eventually("the follower has no key", || {
        let status = visit(&parts, 1);
        kept += usize::from(status == 202);
        (status == 503).then_some(())
    });
    let follower = &parts.collectors[1];
    assert!(follower.metric("collector_beacons_total{outcome=\"key_missing\"}") > 0);
    eventually("it says so", || (follower.metric("pipeline_key_seconds_left") == 0).then_some(()));
    assert_eq!(follower.admin().get("/readyz", &[]).status, 503);
    assert_eq!(visit(&parts, 1), 503);

    parts.collectors[0].restart();
    parts.collectors[1].wait_until_ready();
    for collector in [0, 1] {
        assert_eq!(visit(&parts, collector), 202);
    }
    let count = (kept + 2).to_string();
    parts.sql_becomes("SELECT count() FROM candor.statistics", &count);
    let pairs = "SELECT uniqExact(address_hash) = uniqExact(key_epoch) FROM candor.statistics_rows";
    assert_eq!(parts.sql(pairs), "1");
}
