//! A connection to the admin listener of a running candor.
#![expect(clippy::disallowed_types, reason = "the address of the admin listener")]

use std::net::SocketAddr;

use anyhow::{Context, Result};
use hyper::body::Body;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Connects; the task ends with the connection.
pub(crate) async fn connect<B>(
    admin: SocketAddr,
) -> Result<(SendRequest<B>, JoinHandle<hyper::Result<()>>)>
where
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let stream = TcpStream::connect(admin)
        .await
        .with_context(|| format!("no candor answers at {admin}: is it running?"))?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    Ok((sender, tokio::spawn(connection)))
}
