//! TLS to ClickHouse: whom we trust. There is no way to trust everybody.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clickhouse::Client;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Whose certificates may vouch for ClickHouse.
#[derive(Clone)]
pub struct Authorities(ClientConfig);

/// What holds no authority that can be used. Nothing of it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it holds no certificate of an authority that can be used (PEM)")]
pub struct NoAuthority;

/// As in the client's own connections.
const KEEPALIVE: Duration = Duration::from_mins(1);
/// ClickHouse closes what is idle for three seconds.
const POOL_IDLE: Duration = Duration::from_secs(2);

impl Authorities {
    /// Those whose certificates a PEM text holds.
    ///
    /// # Errors
    /// [`NoAuthority`] when there is none, or one that cannot be read.
    pub fn from_pem(text: &[u8]) -> Result<Self, NoAuthority> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(text) {
            roots.add(certificate.map_err(|_| NoAuthority)?).map_err(|_| NoAuthority)?;
        }
        if roots.is_empty() {
            return Err(NoAuthority);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| NoAuthority)?;
        Ok(Self(config.with_root_certificates(roots).with_no_client_auth()))
    }

    /// A client that speaks TLS, and nothing else.
    pub(crate) fn client(&self) -> Client {
        let mut tcp = HttpConnector::new();
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(self.0.clone())
            .https_only()
            .enable_http1()
            .wrap_connector(tcp);
        let client =
            HttpClient::builder(TokioExecutor::new()).pool_idle_timeout(POOL_IDLE).build(connector);
        Client::with_http_client(client)
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorities(…)")
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::{Cause, Config, Store, StoreError};

    /// Tells whoever trusts it that there is no such table, in TLS; and its certificate.
    async fn server(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.unwrap())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) =
                    TlsAcceptor::from(Arc::new(config.clone())).accept(stream).await
                else {
                    continue;
                };
                let mut asked = vec![0; 4_096];
                if stream.read(&mut asked).await.is_ok() {
                    let answer =
                        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                    stream.write_all(answer).await.unwrap();
                    stream.shutdown().await.unwrap();
                }
            }
        });
        (format!("https://localhost:{port}"), made.cert.pem())
    }

    async fn ask(url: &str, pem: Option<&str>) -> Result<(), StoreError> {
        let authorities = pem.map(|pem| Authorities::from_pem(pem.as_bytes()).unwrap());
        let config = Config { url: url.to_owned(), authorities, ..Config::default() };
        Store::new(&config).ping().await
    }

    /// Whether nobody answered, rather than somebody who knows no such table.
    fn is_network(error: &StoreError) -> bool {
        matches!(error, StoreError::Read(Cause::Network { .. }))
    }

    #[tokio::test]
    async fn clickhouse_is_believed_by_its_certificate_and_name_alone() {
        let (url, pem) = server("localhost").await;
        let answered = ask(&url, Some(&pem)).await.unwrap_err();
        assert!(!is_network(&answered), "{answered:?}");
        let (_, of_another) = server("localhost").await;
        let (misnamed, its_pem) = server("elsewhere.example").await;
        for (url, pem) in [(&url, &of_another), (&misnamed, &its_pem)] {
            let refused = ask(url, Some(pem)).await.unwrap_err();
            assert!(matches!(refused, StoreError::Read(Cause::Untrusted)), "{refused:?}");
            assert!(refused.is_transient() && refused.is_over(), "it may be given a better one");
            assert!(refused.to_string().contains("`clickhouse.ca_file`"), "{refused}");
        }
        let trusts_nobody = ask(&url, None).await.unwrap_err();
        assert!(matches!(trusts_nobody, StoreError::Read(Cause::Client)), "{trusts_nobody:?}");
    }

    #[tokio::test]
    async fn whoever_names_authorities_is_not_answered_in_the_open() {
        let (url, pem) = server("localhost").await;
        assert!(ask(&url.replace("https", "http"), Some(&pem)).await.is_err());
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        let torn = "-----BEGIN CERTIFICATE-----\nhidden\n-----END CERTIFICATE-----\n";
        for text in ["", "hidden", torn] {
            assert_eq!(Authorities::from_pem(text.as_bytes()).map(|_| ()), Err(NoAuthority));
        }
    }
}
