//! `candor health`: whether a running candor is ready, for those who look after containers.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};

use crate::cli::HealthArgs;
use crate::client;

const DEADLINE: Duration = Duration::from_secs(3);

/// Asks; silence means ready.
pub(crate) async fn run(args: &HealthArgs) -> Result<()> {
    let asked = tokio::time::timeout(DEADLINE, ask(args)).await;
    let (status, words) =
        asked.with_context(|| format!("{} does not answer within 3 s", args.admin.admin))??;
    if status == StatusCode::OK {
        return Ok(());
    }
    bail!("not ready: {}", words.trim())
}

async fn ask(args: &HealthArgs) -> Result<(StatusCode, String)> {
    let (mut sender, _connection) = client::connect(&args.admin).await?;
    let request = Request::get("/readyz").header(HOST, args.admin.admin.to_string());
    let answer = sender.send_request(request.body(Empty::<Bytes>::new())?).await;
    let answer = answer.context(
        "no HTTP comes back: where that listener has TLS, name who vouches for it with --tls-ca",
    )?;
    let status = answer.status();
    let words = answer.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&words).into_owned()))
}
