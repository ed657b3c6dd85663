//! A connection to the admin listener of a running candor, within TLS where it has that.
#![expect(clippy::disallowed_types, reason = "the address of the admin listener")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use hyper::body::Body;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::cli::AdminArgs;
use crate::config::Config;

/// Connects; the task ends with the connection.
pub(crate) async fn connect<B>(
    args: &AdminArgs,
) -> Result<(SendRequest<B>, JoinHandle<hyper::Result<()>>)>
where
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let admin = args.admin;
    let stream = TcpStream::connect(admin)
        .await
        .with_context(|| format!("no candor answers at {admin}: is it running?"))?;
    let Some(authority) = &args.tls_ca else {
        return converse(stream).await;
    };
    let name = server_name(args.tls_name.as_deref(), admin)?;
    let connector = TlsConnector::from(Arc::new(trusting(args, authority)?));
    let stream = connector.connect(name, stream).await;
    converse(stream.with_context(|| format!("no TLS with {admin}"))?).await
}

async fn converse<B>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<(SendRequest<B>, JoinHandle<hyper::Result<()>>)>
where
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    Ok((sender, tokio::spawn(connection)))
}

/// The name that the certificate must have: the address, unless another is given.
fn server_name(name: Option<&str>, admin: SocketAddr) -> Result<ServerName<'static>> {
    match name {
        Some(name) => {
            let name = name.to_owned();
            ServerName::try_from(name).context("--tls-name is no name that a certificate has")
        }
        None => Ok(ServerName::IpAddress(admin.ip().into())),
    }
}

fn trusting(args: &AdminArgs, authority: &Path) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authority)? {
        roots.add(certificate).with_context(|| cannot_use(authority))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let (Some(certificate), Some(key)) = (&args.tls_certificate, &args.tls_key) else {
        return Ok(builder.with_no_client_auth());
    };
    Config::check_secret(key)?;
    let private = PrivateKeyDer::from_pem_file(key).with_context(|| cannot_use(key))?;
    let chain = certificates(certificate)?;
    builder.with_client_auth_cert(chain, private).with_context(|| cannot_use(certificate))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).with_context(|| cannot_use(path))?;
    read.collect::<Result<_, _>>().with_context(|| cannot_use(path))
}

fn cannot_use(path: &Path) -> String {
    format!("{} cannot be used", path.display())
}
