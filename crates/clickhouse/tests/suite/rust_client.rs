//! The Rust client, which is Candor's own.

use clickhouse::native::builder::BlockBuilder;
use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};

use crate::server::shared;

#[derive(Clone, Debug, Deserialize, PartialEq, Row, Serialize)]
struct Visit {
    site: u64,
    path: String,
    country: Option<String>,
}

fn client() -> Client {
    Client::default().with_url(shared().url()).with_database("rust_client")
}

async fn table(name: &str) -> Client {
    let client = client();
    let setup = client.clone().with_database("default");
    setup.query("CREATE DATABASE IF NOT EXISTS rust_client").execute().await.expect("creates");
    let sql = format!(
        "CREATE TABLE {name} (site UInt64, path String, country Nullable(String)) \
         ENGINE = MergeTree ORDER BY site SETTINGS non_replicated_deduplication_window = 100"
    );
    client.query(&sql).execute().await.expect("creates");
    client
}

fn visits() -> Vec<Visit> {
    (0..1000)
        .map(|site| Visit {
            site,
            path: format!("/page/{site}?it's=\"{site}\""),
            country: (site % 3 == 0).then(|| "SE".to_owned()),
        })
        .collect()
}

#[tokio::test]
async fn rows_go_in_and_come_back() {
    let client = table("round_trip").await;
    let mut insert = client.insert::<Visit>("round_trip").await.expect("begins");
    for visit in &visits() {
        insert.write(visit).await.expect("writes");
    }
    insert.end().await.expect("commits");
    let rows: Vec<Visit> = client
        .query("SELECT ?fields FROM round_trip ORDER BY site")
        .fetch_all()
        .await
        .expect("reads");
    assert_eq!(rows, visits());
}

#[tokio::test]
async fn columns_go_in_and_come_back() {
    let client = table("columns").await;
    let sites: Vec<u64> = (0..100_000).collect();
    let paths: Vec<String> = sites.iter().map(|site| format!("/page/{site}")).collect();
    let countries: Vec<Option<String>> = vec![None; sites.len()];
    let mut builder = BlockBuilder::new();
    builder.upsert_column("site").expect("a column").add_all(sites).expect("adds");
    builder.upsert_column("path").expect("a column").add_all(paths).expect("adds");
    builder.upsert_column("country").expect("a column").add_all(countries).expect("adds");
    let block = builder.build().expect("builds");
    let mut insert = client.insert_native("columns").with_setting("async_insert", "0");
    insert.write(&block).await.expect("writes");
    insert.end().await.expect("commits");
    let found: (u64, u64, u64) = client
        .query("SELECT count(), sum(site), uniqExact(path) FROM columns")
        .fetch_one()
        .await
        .expect("reads");
    assert_eq!(found, (100_000, 4_999_950_000, 100_000));
}

#[tokio::test]
async fn tokens_make_a_retry_harmless() {
    let client = table("retries").await.with_setting("insert_deduplication_token", "T");
    for _ in 0..2 {
        let mut insert = client.insert::<Visit>("retries").await.expect("begins");
        insert.write(&visits()[0]).await.expect("writes");
        insert.end().await.expect("commits");
    }
    let count: u64 = client.query("SELECT count() FROM retries").fetch_one().await.expect("reads");
    assert_eq!(count, 1);
}

#[tokio::test]
async fn an_insert_given_up_leaves_nothing() {
    let client = table("given_up").await;
    let mut insert = client.insert::<Visit>("given_up").await.expect("begins");
    for visit in visits().iter().cycle().take(100_000) {
        insert.write(visit).await.expect("writes");
    }
    drop(insert);
    let count: u64 = client.query("SELECT count() FROM given_up").fetch_one().await.expect("reads");
    assert_eq!(count, 0);
}

#[tokio::test]
async fn parameters_are_bound_by_the_server() {
    let client = client().with_database("default");
    let evil = "it's \\ \"{}\" ; \t";
    let (text, number): (String, u8) = client
        .query("SELECT {text:String}, {number:UInt8}")
        .param("text", evil)
        .param("number", 7_u8)
        .fetch_one()
        .await
        .expect("reads");
    assert_eq!((text.as_str(), number), (evil, 7));
}

#[tokio::test]
async fn errors_say_what_the_server_says() {
    let client = client().with_database("default");
    let missing = client.query("SELECT * FROM nosuch").execute().await.expect_err("fails");
    assert!(missing.to_string().contains("UNKNOWN_TABLE"), "{missing}");
    let late = client
        .query("SELECT throwIf(number = 2900000) FROM numbers(3000000)")
        .with_setting("max_threads", "1")
        .fetch_all::<u8>()
        .await
        .expect_err("fails");
    assert!(late.to_string().contains("throwIf"), "{late}");
}

#[tokio::test]
async fn large_answers_come_whole() {
    let client = client().with_database("default");
    let mut rows =
        client.query("SELECT number FROM numbers(2000000)").fetch::<u64>().expect("begins");
    let mut sum = 0;
    while let Some(number) = rows.next().await.expect("reads") {
        sum += number;
    }
    assert_eq!(sum, 1_999_999_000_000);
}
