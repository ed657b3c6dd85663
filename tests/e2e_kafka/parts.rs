//! The parts as processes of their own, with the real Kafka between them.

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use candor_event::EventId;
use candor_tests::{Parts, PartsOptions, eventually, policy, program};
use candor_transport::kafka::{KafkaConfig, KafkaProducer};
use candor_transport::{Outgoing, Producer};

/// Batches that are stored soon, and owners that are found dead soon.
const SOON: &str = "sink.batch_age_ms = 1000\nkafka.session_timeout_s = 2\n";

fn soon() -> PartsOptions {
    PartsOptions { config: SOON.to_owned(), ..PartsOptions::default() }
}

fn pageview(path: &str) -> String {
    format!(r#"{{"site":"demo","url":"http://localhost/{path}","consent":true}}"#)
}

/// What a command said to people.
fn said(run: &Output) -> String {
    String::from_utf8_lossy(&run.stderr).into_owned()
}

fn health(part: &candor_tests::Part) -> Output {
    let admin = part.admin().base().trim_start_matches("http://");
    Command::new(program("candor")).args(["health", "--admin", admin]).output().unwrap()
}

#[test]
fn beacons_become_rows_by_way_of_all_parts() {
    let mut parts =
        Parts::start(&PartsOptions { collectors: 2, sinks: 2, partitions: 4, ..soon() });
    let owned = |parts: &Parts| -> Vec<_> {
        parts.sinks.iter().map(|sink| sink.metric("sink_partitions")).collect()
    };
    eventually("the sinks share the partitions", || (owned(&parts) == [2, 2]).then_some(()));
    for number in 0..40 {
        assert_eq!(parts.send(&pageview(&number.to_string())).status, 202);
    }
    parts.sql_becomes("SELECT count(), uniqExact(path) FROM candor.statistics", "40\t40");
    for part in parts.collectors.iter().chain(&parts.sinks) {
        part.wait_until_ready();
        let run = health(part);
        assert!(run.status.success(), "{}", said(&run));
        assert_eq!(part.metric("candor_part_ready{part=\"log\"}"), 1);
    }
    let taken: Vec<_> = parts
        .collectors
        .iter()
        .map(|collector| collector.metric("collector_beacons_received_total"))
        .collect();
    assert_eq!(taken, [20, 20]);
    for part in parts.collectors.iter_mut().chain(&mut parts.sinks) {
        assert!(part.stop().success(), "{}", part.log());
    }
}

#[test]
fn an_address_in_any_file_of_theirs_is_found() {
    let parts = Parts::start(&soon());
    assert_eq!(parts.leaks(), []);
    // The label of a host is kept: this one is one of the addresses of loads.
    let body = r#"{"site":"demo","url":"http://localhost/","consent":true,"referrer":"http://c63364ed.example/"}"#;
    assert_eq!(parts.send(body).status, 202);
    parts.sql_becomes("SELECT count() FROM candor.statistics", "1");
    let places: Vec<_> = parts.leaks().into_iter().map(|leak| leak.place).collect();
    assert!(places.iter().any(|place| place.contains(parts.topic())), "in Kafka: {places:?}");
    let dir = parts.dir().display().to_string();
    assert!(places.iter().any(|place| place.starts_with(&dir)), "in ClickHouse: {places:?}");
}

#[test]
fn the_tail_shows_what_lies_in_the_topic() {
    let parts = Parts::start(&PartsOptions { sinks: 0, ..soon() });
    for number in 0..9 {
        assert_eq!(parts.send(&pageview(&number.to_string())).status, 202);
    }
    // One that came before the collector had met Kafka comes by its spill.
    let events = eventually("they are in the topic", || {
        Some(parts.tail(&["--from-beginning"])).filter(|events| events.len() == 9)
    });
    let mut paths: Vec<_> = events.iter().map(|event| event["path"].as_str().unwrap()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8"]);
    let event = &events[0];
    assert_eq!((&event["site"], &event["kind"]), (&"demo".into(), &"pageview".into()));
    assert_eq!(event["event_id"].as_str().unwrap().len(), 32);
    assert_eq!(event["grants"][0]["basis"], "consent");
    assert!(event["received_at"].as_str().unwrap().ends_with('Z'), "{event}");
    // Two partitions, and one record before the end of each.
    let last = parts.tail(&["--last", "1"]);
    assert!((1..=2).contains(&last.len()), "{last:?}");
    assert!(parts.tail(&["--last", "0"]).is_empty());
}

#[test]
fn the_tail_shows_what_it_cannot_decode_and_follows() {
    let parts = Parts::start(&PartsOptions { sinks: 0, partitions: 1, ..soon() });
    let mut tail = parts
        .command("tail")
        .args(["--from-beginning", "--follow"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = lines_of(tail.stdout.take().unwrap());
    let next = || -> serde_json::Value {
        let line = lines.recv_timeout(Duration::from_secs(30)).unwrap();
        serde_json::from_str(&line).unwrap()
    };
    assert_eq!(parts.send(&pageview("before")).status, 202);
    assert_eq!(next()["path"], "/before");
    put(&parts, b"no event of 192.0.2.77");
    let line = next();
    assert_eq!((&line["partition"], &line["offset"]), (&0.into(), &1.into()), "{line}");
    assert_eq!(line["reason"], "not_protobuf", "{line}");
    assert_eq!(parts.send(&pageview("after")).status, 202);
    assert_eq!(next()["path"], "/after");

    // Whoever reads no more is not told of it with an error.
    drop(lines);
    let ended = eventually("the tail has ended", || {
        parts.send(&pageview("more"));
        tail.try_wait().unwrap()
    });
    assert!(ended.success(), "{ended}");
}

/// The lines of a program, until nobody takes them any more.
fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (give, take) = sync_channel(1);
    std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        lines.map(|line| give.send(line)).take_while(Result::is_ok).count()
    });
    take
}

/// Puts a record into the topic.
fn put(parts: &Parts, record: &'static [u8]) {
    let config = KafkaConfig {
        bootstrap_servers: vec![parts.broker().address()],
        topic: parts.topic().to_owned(),
        ..KafkaConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let producer = KafkaProducer::start(&config).unwrap();
        let event = Outgoing { id: EventId::from_bytes([7; 16]), record: record.into() };
        let mut tries = 0..100;
        while let Err(error) = producer.produce(vec![event.clone()]).await {
            assert!(tries.next().is_some(), "{error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
}

#[test]
fn a_collector_without_a_spill_waits_for_kafka_and_says_so_once() {
    let config = format!("{SOON}spill.bytes = 0\n");
    let mut parts = Parts::prepare(&PartsOptions { own_broker: true, config, ..soon() });
    parts.broker().kill();
    parts.add_collector();
    let collector = &parts.collectors[0];
    for _ in 0..3 {
        let answer = collector.admin().get("/readyz", &[]);
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.body.contains("kafka.bootstrap_servers"), "{}", answer.body);
    }
    assert_eq!(collector.admin().get("/livez", &[]).status, 200);
    assert_eq!(collector.beacons().beacon(&pageview("lost")).status, 503);
    let run = health(collector);
    assert_eq!(run.status.code(), Some(1));
    assert!(said(&run).contains("not ready: no broker"), "{}", said(&run));
    assert_eq!(collector.log().matches("a part is away").count(), 1, "{}", collector.log());

    parts.broker().restart();
    eventually("the topic is missed", || {
        let answer = collector.admin().get("/readyz", &[]);
        answer.body.contains("candor migrate").then_some(())
    });
    parts.engine.restart();
    let made = parts.migrate(&[]);
    assert!(made.status.success(), "{}", said(&made));
    parts.collectors[0].wait_until_ready();
    eventually("it takes beacons", || (parts.send(&pageview("kept")).status == 202).then_some(()));
    assert!(parts.collectors[0].log().contains("a part is back"));

    parts.broker().suspend();
    eventually("it misses Kafka", || {
        (parts.collectors[0].admin().get("/readyz", &[]).status == 503).then_some(())
    });
    parts.broker().resume();
    parts.collectors[0].wait_until_ready();
}

#[test]
fn a_sink_waits_for_clickhouse() {
    let mut parts = Parts::prepare(&soon());
    parts.engine.restart();
    assert!(parts.migrate(&[]).status.success());
    parts.engine.stop();
    parts.add_sink();
    parts.add_collector();
    parts.collectors[0].wait_until_ready();
    assert_eq!(parts.send(&pageview("a")).status, 202);
    let answer = parts.sinks[0].admin().get("/readyz", &[]);
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains("ClickHouse"), "{}", answer.body);
    parts.engine.restart();
    parts.sql_becomes("SELECT path FROM candor.statistics", "/a");
    parts.sinks[0].wait_until_ready();
    assert!(parts.sinks[0].stop().success());
}

#[test]
fn migrate_makes_the_topic_and_changes_none() {
    let mut parts = Parts::prepare(&soon());
    parts.engine.restart();
    let plan = parts.migrate(&["--dry-run"]);
    let text = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(plan.status.success(), "{}", said(&plan));
    assert!(text.contains("CREATE TABLE") && text.contains(parts.topic()), "{text}");
    let missing = parts.command("tail").output().unwrap();
    assert_eq!(missing.status.code(), Some(1), "nothing was made");
    assert!(said(&missing).contains("candor migrate"), "{}", said(&missing));

    assert!(parts.migrate(&[]).status.success());
    let again = parts.migrate(&[]);
    assert!(again.status.success(), "{}", said(&again));
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(text.contains("-- 0 statements"), "{text}");

    parts.configure("kafka.create.partitions = 5\nkafka.create.retention_hours = 12\n");
    let differs = parts.migrate(&[]);
    assert_eq!(differs.status.code(), Some(1), "{}", said(&differs));
    let text = String::from_utf8_lossy(&differs.stdout).into_owned();
    for words in ["partitions", "5", "retention.ms", "43200000"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(said(&differs).contains("nothing was changed"), "{}", said(&differs));
    let mut up = parts.command("up");
    for flag in ["--listen", "--admin", "--clickhouse"] {
        up.args([flag, "127.0.0.1:0"]);
    }
    let up = up.output().unwrap();
    assert_eq!(up.status.code(), Some(1), "{}", said(&up));
    assert!(said(&up).contains("retention.ms"), "{}", said(&up));
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let parts = Parts::prepare(&soon());
    let secret = parts.dir().join("secret");
    std::fs::write(&secret, "open sesame\n").unwrap();
    std::fs::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    let kafka = format!(
        "[kafka.security]\nprotocol = \"sasl_ssl\"\nmechanism = \"plain\"\nusername = \"u\"\n\
         password_file = {secret:?}\n"
    );
    let refused = |command: &str| {
        let run = parts.command(command).output().unwrap();
        assert_eq!(run.status.code(), Some(64), "{command}: {}", said(&run));
        assert!(said(&run).contains("chmod 600"), "{command}: {}", said(&run));
        assert!(!said(&run).contains("sesame"), "{command}: {}", said(&run));
    };
    parts.configure(&format!("clickhouse.password_file = {secret:?}\n"));
    for command in ["sink", "migrate"] {
        refused(command);
    }
    parts.configure(&kafka);
    for command in ["collect", "sink", "tail", "up"] {
        refused(command);
    }
}

#[test]
fn what_the_notice_says_of_the_log_is_kept() {
    let short = policy().purpose("statistics", "consent", "1 days", &["path"]);
    let short = short.with("[data]\nlog = \"12 hours\"");
    let mut parts = Parts::prepare(&PartsOptions { policy: Some(short), ..soon() });
    let run = parts.command("collect").output().unwrap();
    assert_eq!(run.status.code(), Some(64), "{}", said(&run));
    assert!(said(&run).contains("retention_hours"), "{}", said(&run));
    parts.configure("kafka.create.retention_hours = 7\n");
    parts.add_collector();
}

#[test]
fn a_journal_belongs_to_one_process() {
    let dir = tempfile::tempdir().unwrap();
    for command in ["collect", "sink", "tail"] {
        let mut candor = Command::new(program("candor"));
        let run = candor.arg(command).current_dir(dir.path()).process_group(0).output().unwrap();
        assert_eq!(run.status.code(), Some(64), "{command}: {}", said(&run));
        assert!(said(&run).contains("belongs to one process"), "{command}: {}", said(&run));
        assert!(said(&run).contains("kind = \"kafka\""), "{command}: {}", said(&run));
    }
}

#[test]
fn a_collector_that_is_told_to_stop_says_so_and_drains() {
    let mut parts = Parts::start(&PartsOptions { sinks: 0, ..soon() });
    let collector = &parts.collectors[0];
    let address = collector.beacons().base().trim_start_matches("http://").to_owned();
    // A request that is under way holds the drain up.
    let mut slow = std::net::TcpStream::connect(address).unwrap();
    let head = "POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n{";
    std::io::Write::write_all(&mut slow, head.as_bytes()).unwrap();
    eventually("it is heard", || {
        (collector.metric("collector_beacons_received_total") > 0).then_some(())
    });
    collector.ask_to_stop();
    eventually("it is not ready", || {
        let answer = collector.admin().send("GET", "/readyz", &[], b"")?;
        (answer.status == 503 && answer.body == "stopping\n").then_some(())
    });
    assert!(parts.collectors[0].stop().success());
}
