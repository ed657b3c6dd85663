//! TLS between the members of a fleet: each shows a certificate of the one authority, TLS 1.3 is spoken
//! alone, and no session is resumed, so that no ticket stands for a certificate that was shown before.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Tls, TlsError, TlsFiles, key, roots, verifier};

/// Nothing else is asked for or offered.
const PROTOCOL: &[u8] = b"http/1.1";

impl Tls {
    /// The TLS of a member that others connect to. `client_ca_file` has the authority of the fleet.
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it.
    pub fn for_members(files: TlsFiles) -> Result<Self, TlsError> {
        Self::load_with(files, server)
    }
}

impl Tls<ClientConfig> {
    /// The TLS of a member that connects to another. `client_ca_file` has the authority of the fleet.
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it.
    pub fn to_members(files: TlsFiles) -> Result<Self, TlsError> {
        Self::load_with(files, client)
    }

    /// Shows our certificate, and demands one of the authority that has this name.
    ///
    /// # Errors
    /// The other side is gone, or is not who it should be.
    pub async fn connect(
        &self,
        name: ServerName<'static>,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(self.config()).connect(name, stream).await
    }
}

fn server(files: &TlsFiles, chain: Vec<CertificateDer<'static>>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = |source| TlsError::Unusable { path: files.certificate_file.clone(), source };
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(unusable)?
        .with_client_cert_verifier(verifier(authority(files)?, provider)?)
        .with_single_cert(chain, key(&files.key_file)?)
        .map_err(unusable)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn client(files: &TlsFiles, chain: Vec<CertificateDer<'static>>) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = |source| TlsError::Unusable { path: files.certificate_file.clone(), source };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(unusable)?
        .with_root_certificates(roots(authority(files)?)?)
        .with_client_auth_cert(chain, key(&files.key_file)?)
        .map_err(unusable)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Without one nobody could be told from a stranger.
fn authority(files: &TlsFiles) -> Result<&Path, TlsError> {
    let path = files.client_ca_file.as_deref();
    path.ok_or_else(|| TlsError::NoAuthority { path: files.certificate_file.clone() })
}
