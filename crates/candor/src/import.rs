//! `candor import`: streams a log file to the running candor. The lines are not looked at here, but for
//! the largest `offset_s`: whoever writes a log with offsets means that its last line is now.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::Request;
use http::header::HOST;
use http_body_util::{BodyExt, Channel};
use hyper::client::conn::http1;
use serde::Deserialize;

use crate::cli::ImportArgs;
use crate::{client, telemetry};

/// Bytes that are read and sent at a time.
const CHUNK_BYTES: usize = 65_536;
const CHUNKS_MAX: usize = 8;

#[derive(Deserialize)]
struct Offset {
    offset_s: i64,
}

#[derive(Deserialize)]
struct Outcomes {
    outcomes: std::collections::BTreeMap<String, u64>,
    error: Option<String>,
}

/// Sends the file and prints what became of its lines.
pub(crate) async fn run(args: &ImportArgs) -> Result<()> {
    let path = args.file.clone();
    let offset = tokio::task::spawn_blocking(move || last_offset(&path)).await??;
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("site", &args.site)
        .append_pair("consent", &args.consent.join(","))
        .append_pair("last_offset_s", &offset.to_string())
        .finish();
    let (mut sender, connection) = client::connect(&args.admin).await?;

    let host = args.admin.admin.to_string();
    // Asked without a line first: whoever refuses an upload in its middle is not heard.
    let (chunks, nothing) = Channel::new(CHUNKS_MAX);
    drop(chunks);
    read(&send(&mut sender, &host, &query, nothing).await?)?;

    let (chunks, body) = Channel::new(CHUNKS_MAX);
    let upload = tokio::spawn(upload(args.file.clone(), chunks));
    let answer = send(&mut sender, &host, &query, body).await?;
    upload.await??;
    drop(sender);
    connection.await??;
    print(read(&answer)?)
}

type Body = Channel<Bytes, std::io::Error>;

/// Sends one request; gives back the body of the answer.
async fn send(
    sender: &mut http1::SendRequest<Body>,
    host: &str,
    query: &str,
    body: Body,
) -> Result<Bytes> {
    let request = Request::post(format!("/import?{query}")).header(HOST, host).body(body)?;
    sender.ready().await.context("candor broke the connection")?;
    let answer = sender.send_request(request).await.context("candor broke the connection")?;
    Ok(answer.into_body().collect().await?.to_bytes())
}

/// Streams the file. An answer before the end stops it.
async fn upload(
    path: std::path::PathBuf,
    mut to: http_body_util::channel::Sender<Bytes, std::io::Error>,
) -> Result<()> {
    let mut file = File::open(&path).with_context(|| cannot_read(&path))?;
    loop {
        let (read, back) = tokio::task::spawn_blocking(move || {
            let mut chunk = vec![0; CHUNK_BYTES];
            let read = file.read(&mut chunk).map(|length| {
                chunk.truncate(length);
                Bytes::from(chunk)
            });
            (read, file)
        })
        .await?;
        file = back;
        let chunk = read.with_context(|| cannot_read(&path))?;
        if chunk.is_empty() || to.send_data(chunk).await.is_err() {
            return Ok(());
        }
    }
}

/// The largest `offset_s` of the file; 0 when its lines have none.
fn last_offset(path: &Path) -> Result<i64> {
    let file = File::open(path).with_context(|| cannot_read(path))?;
    let mut last = 0;
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).with_context(|| cannot_read(path))? > 0 {
        if line.first() == Some(&b'{')
            && let Ok(Offset { offset_s }) = serde_json::from_slice(&line)
        {
            last = last.max(offset_s);
        }
        line.clear();
    }
    Ok(last)
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

/// What became of the lines; an answer that is none says what is wrong.
fn read(answer: &[u8]) -> Result<Outcomes> {
    match serde_json::from_slice(answer) {
        Ok(outcomes) => Ok(outcomes),
        Err(_) => bail!("{}", String::from_utf8_lossy(answer).trim()),
    }
}

fn print(report: Outcomes) -> Result<()> {
    let total: u64 = report.outcomes.values().sum();
    telemetry::say(&format!("{total:>9} lines\n"))?;
    for (outcome, count) in &report.outcomes {
        telemetry::say(&format!("{count:>9} {outcome}\n"))?;
    }
    match report.error {
        Some(error) => bail!(error),
        None => Ok(()),
    }
}
