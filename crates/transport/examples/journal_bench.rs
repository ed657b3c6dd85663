//! How fast the journal is on this disk: `cargo run --release -p candor-transport --example
//! journal_bench [directory]`.
//!
//! Each producer waits for its event to be durable before it sends the next, as a visitor's request
//! does; how many events share one sync is what comes about by itself.
#![expect(clippy::print_stdout, reason = "the figures are its output")]

use std::env;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use candor_event::EventId;
use candor_transport::journal::{Journal, JournalConfig};
use candor_transport::{Consumer, Delivery, Outgoing, Producer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let base = env::args().nth(1).map_or_else(env::temp_dir, Into::into);
    println!("producers  events/s  p50 ms  p99 ms  max ms  records  replay events/s");
    for producers in [1, 64, 1_024] {
        let dir = tempfile::tempdir_in(&base)?;
        let (mut took, elapsed) = produce(dir.path(), producers).await?;
        let (records, replay) = replay(dir.path(), took.len()).await?;
        took.sort_unstable();
        let at = |percent: usize| {
            let index = (took.len() * percent / 100).min(took.len().saturating_sub(1));
            took.get(index).map_or(0.0, |it| it.as_secs_f64() * 1e3)
        };
        println!(
            "{producers:>9}  {:>8.0}  {:>6.2}  {:>6.2}  {:>6.2}  {records:>7}  {replay:>15.0}",
            rate(took.len(), elapsed),
            at(50),
            at(99),
            at(100),
        );
    }
    Ok(())
}

/// Every call's latency, and the time of them all.
async fn produce(
    dir: &Path,
    producers: usize,
) -> Result<(Vec<Duration>, Duration), Box<dyn Error>> {
    let (producer, _consumer) = Journal::open(dir, JournalConfig::default())?;
    let begin = Instant::now();
    let tasks: Vec<_> = (0..producers)
        .map(|_| {
            let producer = producer.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                while begin.elapsed() < RUN {
                    let event = Outgoing {
                        id: EventId::from_bytes([0; 16]),
                        record: vec![7; EVENT_BYTES].into(),
                    };
                    let sent = Instant::now();
                    producer.produce(vec![event]).await?;
                    took.push(sent.elapsed());
                }
                Ok::<_, candor_transport::ProduceError>(took)
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await??);
    }
    Ok((all, begin.elapsed()))
}

/// How many records there are, and how many events a second come back.
async fn replay(dir: &Path, events: usize) -> Result<(usize, f64), Box<dyn Error>> {
    let (_producer, mut consumer) = Journal::open(dir, JournalConfig::default())?;
    let begin = Instant::now();
    let (mut records, mut seen) = (0, 0);
    while seen < events {
        if let Delivery::Record { record, .. } = consumer.next().await? {
            records += 1;
            seen += record.len() / EVENT_BYTES;
        }
    }
    Ok((records, rate(events, begin.elapsed())))
}

fn rate(events: usize, elapsed: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
    let events = events as f64;
    events / elapsed.as_secs_f64()
}

const EVENT_BYTES: usize = 300;
const RUN: Duration = Duration::from_secs(5);
