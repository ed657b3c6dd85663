//! How fast the Kafka log is: `cargo run --release -p candor-transport --example kafka_bench
//! host:port [seconds]`, against a broker of yours.
//!
//! Each producer waits for its event to be durable before it sends the next, as a visitor's request
//! does; how many events share a record is what comes about by itself. The time of the processor is this
//! process's, without the broker's.
#![expect(clippy::print_stdout, reason = "the figures are its output")]

use std::env;
use std::error::Error;
use std::time::{Duration, Instant};

use candor_event::EventId;
use candor_transport::kafka::{Compression, From, KafkaConfig, KafkaProducer, KafkaTail, Topic};
use candor_transport::{Outgoing, ProduceError, Producer};

/// One row of the table.
struct Figures {
    took: Vec<Duration>,
    elapsed: Duration,
    processor: Duration,
    records: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: kafka_bench host:port [seconds]")?;
    let seconds = env::args().nth(2).map_or(Ok(5), |it| it.parse())?;
    println!("codec  producers  events/s  CPU us/event  events/record  p50 ms  p99 ms  max ms");
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        for producers in [1, 64, 1_024] {
            let config = KafkaConfig {
                bootstrap_servers: vec![address.clone()],
                topic: format!("bench-{}-{compression:?}-{producers}", std::process::id()),
                compression,
                ..KafkaConfig::default()
            };
            Topic::plan(&config).await?.create(&config).await?;
            print(compression, producers, run(&config, producers, seconds).await?);
        }
    }
    Ok(())
}

async fn run(
    config: &KafkaConfig,
    producers: usize,
    seconds: u64,
) -> Result<Figures, Box<dyn Error>> {
    let producer = KafkaProducer::start(config)?;
    while producer.produce(vec![event(0, 0)]).await == Err(ProduceError::Unavailable) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (begin, processor) = (Instant::now(), processor_time()?);
    let tasks: Vec<_> = (0..producers)
        .map(|task| {
            let producer = producer.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                while begin.elapsed() < Duration::from_secs(seconds) {
                    let sent = Instant::now();
                    producer.produce(vec![event(task, took.len())]).await?;
                    took.push(sent.elapsed());
                }
                Ok::<_, ProduceError>(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let elapsed = begin.elapsed();
    let processor = processor_time()?.saturating_sub(processor);
    producer.close(Duration::from_secs(5)).await;
    let mut tail = KafkaTail::start(config, From::Earliest).await?.until_end();
    let mut records = 0;
    while tail.next().await?.is_some() {
        records += 1;
    }
    took.sort_unstable();
    Ok(Figures { took, elapsed, processor, records })
}

/// An event as large as a page view; no two are alike, nor are they noise.
fn event(task: usize, number: usize) -> Outgoing {
    let mixed = (task as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (number as u64);
    let mixed = mixed.wrapping_mul(0xd6e8_feb8_6659_fd93);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&mixed.to_be_bytes());
    let mut record = format!(
        "{mixed:x} example.org pageview https://example.org/articles/{} https://search.example/ \
         Firefox 143 Linux desktop 1920x1080 en-GB DE Berlin statistics consent {number} ",
        mixed % 1_000
    );
    while record.len() < EVENT_BYTES {
        record.push_str("title of the page ");
    }
    record.truncate(EVENT_BYTES);
    Outgoing { id: EventId::from_bytes(id), record: record.into() }
}

fn print(compression: Compression, producers: usize, figures: Figures) {
    let Figures { took, elapsed, processor, records } = figures;
    let events = number(took.len());
    let at = |percent: usize| {
        let index = (took.len() * percent / 100).min(took.len().saturating_sub(1));
        took.get(index).map_or(0.0, |it| it.as_secs_f64() * 1e3)
    };
    println!(
        "{:>5}  {producers:>9}  {:>8.0}  {:>12.2}  {:>13.1}  {:>6.2}  {:>6.2}  {:>6.2}",
        format!("{compression:?}").to_lowercase(),
        events / elapsed.as_secs_f64(),
        processor.as_secs_f64() * 1e6 / events,
        events / number(usize::try_from(records).unwrap_or(1)),
        at(50),
        at(99),
        at(100),
    );
}

/// What this process has had of the processor: user and system time, in hundredths of a second.
fn processor_time() -> Result<Duration, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').ok_or("no /proc/self/stat")?.1.split_ascii_whitespace();
    let ticks = fields.skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
const fn number(count: usize) -> f64 {
    count as f64
}

const EVENT_BYTES: usize = 300;
