//! What the tables hold, asked over ClickHouse's HTTP interface as analysts do.
#![expect(clippy::disallowed_types, reason = "the address of the embedded ClickHouse")]

use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;

use crate::load::DWELL_MS_MIN;

/// What was said to be kept, against what is there. By number, so that a row whose answer was lost hides none
/// that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Delivery {
    /// Events that were answered 202.
    pub(crate) acknowledged: u64,
    /// Events that have a row. There may be more than were acknowledged: of those whose answer was lost.
    pub(crate) stored: u64,
    /// Acknowledged, and not there.
    pub(crate) lost: u64,
    /// Rows of an event that has one already.
    pub(crate) duplicated: u64,
}

/// How long is waited for rows that are not there yet.
const STORED_WITHIN: Duration = Duration::from_mins(2);
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const LOOK_ONCE_MORE: Duration = Duration::from_secs(2);

impl Delivery {
    fn new(acknowledged: &[u64], stored: &[u64]) -> Self {
        let events: HashSet<u64> = stored.iter().copied().collect();
        let lost = acknowledged.iter().filter(|number| !events.contains(number)).count();
        Self {
            acknowledged: acknowledged.len() as u64,
            stored: events.len() as u64,
            lost: lost as u64,
            duplicated: (stored.len() - events.len()) as u64,
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, lost, duplicated, .. } = self;
        write!(f, "{acknowledged} events acknowledged, {lost} lost, {duplicated} stored twice")
    }
}

/// Waits until everything that was acknowledged is there; what is, when it never comes.
pub(crate) async fn delivery(
    clickhouse: SocketAddr,
    run: &str,
    acknowledged: &[u64],
) -> Result<Delivery> {
    let until = Instant::now() + STORED_WITHIN;
    let there = format!("FROM candor.statistics_rows WHERE startsWith(path, '/{run}/')");
    let mut is_there = false;
    loop {
        // A count tells soon that it is too early.
        let count = number(clickhouse, &format!("SELECT count() {there}")).await;
        let is_late = Instant::now() > until;
        if count.as_ref().is_ok_and(|count| *count >= acknowledged.len() as u64) || is_late {
            count?;
            let sql = format!("SELECT dwell_ms {there} FORMAT RowBinary");
            let delivery = Delivery::new(acknowledged, &numbers(&ask(clickhouse, &sql).await?)?);
            if is_late || delivery.lost == 0 && is_there {
                return Ok(delivery);
            }
            // What is stored twice comes later.
            is_there = delivery.lost == 0;
        }
        tokio::time::sleep(if is_there { LOOK_ONCE_MORE } else { LOOK_AGAIN }).await;
    }
}

/// Waits for merges to end, for so long at most.
pub(crate) async fn merged(clickhouse: SocketAddr, most: Duration) -> Result<()> {
    let until = Instant::now() + most;
    while number(clickhouse, "SELECT count() FROM system.merges").await? > 0
        && Instant::now() < until
    {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// Bytes on the disk for each row of statistics, when it is one part.
#[expect(clippy::cast_precision_loss, reason = "a mean")]
pub(crate) async fn bytes_of_row(clickhouse: SocketAddr) -> Result<f64> {
    ask(clickhouse, "OPTIMIZE TABLE candor.statistics_rows FINAL").await?;
    let of = |what| {
        format!(
            "SELECT toUInt64(sum({what})) FROM system.parts \
             WHERE active AND database = 'candor' AND table = 'statistics_rows'"
        )
    };
    let bytes = number(clickhouse, &of("data_compressed_bytes")).await?;
    let rows = number(clickhouse, &of("rows")).await?;
    Ok(bytes as f64 / rows.max(1) as f64)
}

/// Events in a batch, on average.
#[expect(clippy::cast_precision_loss, reason = "a mean")]
pub(crate) async fn events_of_batch(clickhouse: SocketAddr) -> Result<f64> {
    let batches = number(clickhouse, "SELECT count() FROM candor.batches").await?;
    let rows = number(clickhouse, "SELECT count() FROM candor.statistics_rows").await?;
    Ok(rows as f64 / batches.max(1) as f64)
}

/// Which it is.
pub(crate) async fn version(clickhouse: SocketAddr) -> Result<String> {
    let answer = ask(clickhouse, "SELECT version()").await?;
    Ok(String::from_utf8_lossy(&answer).trim().to_owned())
}

async fn number(clickhouse: SocketAddr, sql: &str) -> Result<u64> {
    let answer = ask(clickhouse, sql).await?;
    let text = String::from_utf8_lossy(&answer);
    text.trim().parse().context("ClickHouse answers something else than a number")
}

async fn ask(clickhouse: SocketAddr, sql: &str) -> Result<Bytes> {
    let stream = TcpStream::connect(clickhouse).await.context("ClickHouse does not answer")?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .uri("/")
        .header("host", clickhouse.to_string())
        .body(Full::new(Bytes::copy_from_slice(sql.as_bytes())))?;
    let answer = sender.send_request(request).await.context("ClickHouse does not answer")?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    drop(sender);
    // What it was asked is known by now.
    connection.abort();
    if status != StatusCode::OK {
        bail!("ClickHouse refuses a question ({status}): {}", String::from_utf8_lossy(&body));
    }
    Ok(body)
}

/// The numbers that rows say as their dwell time (`UInt32`, little-endian).
fn numbers(rows: &[u8]) -> Result<Vec<u64>> {
    let (rows, rest) = rows.as_chunks::<4>();
    if !rest.is_empty() {
        bail!("ClickHouse's answer broke off");
    }
    let number = |row: &[u8; 4]| u64::from(u32::from_le_bytes(*row)).checked_sub(DWELL_MS_MIN);
    rows.iter().map(|row| number(row).context("a row of somebody else")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_an_answer_hides_none_that_is_missing() {
        let delivery = Delivery::new(&[1, 2, 3], &[2, 3, 3, 9]);
        let told = Delivery { acknowledged: 3, stored: 3, lost: 1, duplicated: 1 };
        assert_eq!(delivery, told);
    }

    #[test]
    fn numbers_are_read_from_rows() {
        let rows: Vec<u8> =
            [10_000_007_u32, 10_000_000].iter().flat_map(|it| it.to_le_bytes()).collect();
        assert_eq!(numbers(&rows).unwrap(), [7, 0]);
        assert!(numbers(&rows[1..]).is_err());
        assert!(numbers(&[0; 4]).is_err());
    }
}
