//! TLS: certificate and key from files, read again without a connection being lost.

mod member;
mod validity;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use candor_event::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use zeroize::Zeroizing;

/// What a configuration says of a listener's TLS: nothing, or where certificate and key lie.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// As [`TlsFiles::certificate_file`].
    pub certificate_file: Option<PathBuf>,
    /// As [`TlsFiles::key_file`].
    pub key_file: Option<PathBuf>,
    /// As [`TlsFiles::client_ca_file`].
    pub client_ca_file: Option<PathBuf>,
}

/// A configuration that says half of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("TLS needs both certificate_file and key_file: set both, or none of the table")]
pub struct HalfConfigured;

/// Where a listener's certificate and key lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those between it and its authority, as PEM.
    pub certificate_file: PathBuf,
    /// Its private key, as PEM.
    pub key_file: PathBuf,
    /// The authorities whose certificates clients must show, as PEM; without it they need none.
    pub client_ca_file: Option<PathBuf>,
}

/// A listener's TLS, or with [`ClientConfig`](rustls::ClientConfig) that of whoever connects. Copies share
/// what was read last.
#[derive(Clone)]
pub struct Tls<C = ServerConfig> {
    files: Arc<TlsFiles>,
    make: Make<C>,
    in_use: Arc<ArcSwap<InUse<C>>>,
}

/// What is made of the files, and of the certificates that one of them holds.
type Make<C> = fn(&TlsFiles, Vec<CertificateDer<'static>>) -> Result<C, TlsError>;

/// What was read last.
struct InUse<C> {
    config: Arc<C>,
    expires_at: Option<Timestamp>,
}

/// Certificates that can be read again, whatever they are for.
pub trait Certificates: Send + Sync {
    /// Where they come from.
    fn files(&self) -> &TlsFiles;

    /// Reads the files again. Connections go on as they are; new ones get what was read.
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it; what was read before stays in use.
    fn reload(&self) -> Result<(), TlsError>;

    /// When the first of the certificates that are shown runs out; none when that cannot be read.
    fn expires_at(&self) -> Option<Timestamp>;
}

/// Files that no TLS can be made of. What is in them is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Members of a fleet have an authority, and none is named.
    #[error("{path} needs the authority of the fleet beside it")]
    NoAuthority {
        /// The certificate.
        path: PathBuf,
    },
    /// A file holds none of what it should.
    #[error("{path} holds no {what} that can be read (PEM)")]
    Nothing {
        /// The file.
        path: PathBuf,
        /// A certificate or a private key.
        what: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The key is not the certificate's, or one of them cannot be used.
    #[error("{path} cannot be used: {source}")]
    Unusable {
        /// The file that is named first.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// No authority of the file can vouch for clients.
    #[error("{path} cannot be used: {source}")]
    UnusableAuthorities {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::server::VerifierBuilderError,
    },
}

/// No chain of certificates is longer; whoever names another file by mistake is told so.
const FILE_BYTES_MAX: u64 = 1_048_576;
/// The protocols, those that are liked best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

impl TlsConfig {
    /// The files; `None` without TLS.
    ///
    /// # Errors
    /// [`HalfConfigured`].
    pub fn files(&self) -> Result<Option<TlsFiles>, HalfConfigured> {
        match self.clone() {
            Self {
                certificate_file: Some(certificate_file),
                key_file: Some(key_file),
                client_ca_file,
            } => Ok(Some(TlsFiles { certificate_file, key_file, client_ca_file })),
            Self { certificate_file: None, key_file: None, client_ca_file: None } => Ok(None),
            _ => Err(HalfConfigured),
        }
    }
}

impl TlsFiles {
    /// All files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let files =
            [Some(&self.certificate_file), Some(&self.key_file), self.client_ca_file.as_ref()];
        files.into_iter().flatten().map(PathBuf::as_path)
    }
}

// === impl Tls ===

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        Self::load_with(files, server)
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.config()).accept(stream).await
    }
}

impl<C> Tls<C> {
    fn load_with(files: TlsFiles, make: Make<C>) -> Result<Self, TlsError> {
        let in_use = Arc::new(ArcSwap::from_pointee(InUse::of(&files, make)?));
        Ok(Self { files: Arc::new(files), make, in_use })
    }

    fn config(&self) -> Arc<C> {
        Arc::clone(&self.in_use.load().config)
    }
}

impl<C> InUse<C> {
    fn of(files: &TlsFiles, make: Make<C>) -> Result<Self, TlsError> {
        let chain = certificates(&files.certificate_file)?;
        let expires_at = first_end(&chain);
        Ok(Self { config: Arc::new(make(files, chain)?), expires_at })
    }
}

impl<C: Send + Sync> Certificates for Tls<C> {
    fn files(&self) -> &TlsFiles {
        &self.files
    }

    fn reload(&self) -> Result<(), TlsError> {
        self.in_use.store(Arc::new(InUse::of(&self.files, self.make)?));
        Ok(())
    }

    fn expires_at(&self) -> Option<Timestamp> {
        self.in_use.load().expires_at
    }
}

impl<C> std::fmt::Debug for Tls<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

/// When the first certificate of a file runs out; none when that cannot be read.
///
/// # Errors
/// [`TlsError`]: it holds none.
pub fn expires_at(certificate_file: &Path) -> Result<Option<Timestamp>, TlsError> {
    Ok(first_end(&certificates(certificate_file)?))
}

fn first_end(chain: &[CertificateDer<'_>]) -> Option<Timestamp> {
    chain.iter().filter_map(|certificate| validity::not_after(certificate)).min()
}

fn server(files: &TlsFiles, chain: Vec<CertificateDer<'static>>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = |source| TlsError::Unusable { path: files.certificate_file.clone(), source };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = match &files.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(path) => builder.with_client_cert_verifier(verifier(path, provider)?),
    };
    let mut config = builder.with_single_cert(chain, key(&files.key_file)?).map_err(unusable)?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(config)
}

/// Asks clients for a certificate of these authorities.
fn verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let unusable = |source| TlsError::UnusableAuthorities { path: path.to_owned(), source };
    let roots = Arc::new(roots(path)?);
    WebPkiClientVerifier::builder_with_provider(roots, provider).build().map_err(unusable)
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let unusable = |source| TlsError::Unusable { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(unusable)?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = text(path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = read.ok().filter(|certificates| !certificates.is_empty());
    certificates.ok_or_else(|| TlsError::Nothing { path: path.to_owned(), what: "certificate" })
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let nothing = |_| TlsError::Nothing { path: path.to_owned(), what: "private key" };
    PrivateKeyDer::from_pem_slice(&text(path)?).map_err(nothing)
}

fn text(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let failed = |source| TlsError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    // Whole from the beginning, so that no part of a key is left behind when it grows.
    let size = file.metadata().map_err(failed)?.len().min(FILE_BYTES_MAX);
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1));
    file.take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(failed)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            place.issue();
            place
        }

        fn issue(&self) {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            self.write("certificate.pem", &made.cert.pem());
            self.write("key.pem", &made.signing_key.serialize_pem());
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.0.path().join(name), text).unwrap();
        }

        fn files(&self) -> TlsFiles {
            let path = |name: &str| self.0.path().join(name);
            TlsFiles {
                certificate_file: path("certificate.pem"),
                key_file: path("key.pem"),
                client_ca_file: None,
            }
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_and_changes_nothing() {
        let place = Place::new();
        let tls = Tls::load(place.files()).unwrap();
        let before = tls.config();
        let refused = |why: &str| {
            let error = tls.reload().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert!(!error.contains("visitor"), "nothing of the file is repeated: {error}");
            assert!(Arc::ptr_eq(&before, &tls.config()), "{why}");
        };
        place.write("certificate.pem", "visitor");
        refused("certificate.pem holds no certificate");
        place.issue();
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        place.write("key.pem", &other.signing_key.serialize_pem());
        refused("certificate.pem cannot be used");
        place.write("key.pem", "-----BEGIN PRIVATE KEY-----\nvisitor\n");
        refused("key.pem holds no private key");
        fs::remove_file(place.0.path().join("key.pem")).unwrap();
        refused("cannot read");
        place.issue();
        tls.reload().unwrap();
        assert!(!Arc::ptr_eq(&before, &tls.config()));
    }

    #[test]
    fn the_first_certificate_of_a_chain_that_runs_out_counts() {
        let place = Place::new();
        let until = |year| {
            let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
        };
        place.write("certificate.pem", &[until(2_200), until(2_100), until(2_300)].concat());
        let first = expires_at(&place.files().certificate_file).unwrap();
        assert_eq!(first, Some(Timestamp::from_unix(4_102_444_800)));
        place.write("certificate.pem", "");
        assert!(expires_at(&place.files().certificate_file).is_err());
    }

    #[test]
    fn half_a_configuration_is_none() {
        let some = || Some(PathBuf::from("x"));
        let files = |certificate_file, key_file, client_ca_file| {
            TlsConfig { certificate_file, key_file, client_ca_file }.files().map(|f| f.is_some())
        };
        assert_eq!(files(None, None, None), Ok(false));
        assert_eq!(files(some(), some(), None), Ok(true));
        assert_eq!(files(some(), some(), some()), Ok(true));
        for half in [(some(), None, None), (None, some(), None), (None, None, some())] {
            assert_eq!(files(half.0, half.1, half.2), Err(HalfConfigured));
        }
    }

    #[test]
    fn authorities_for_clients_must_be_some() {
        let place = Place::new();
        let ca = TlsFiles { client_ca_file: Some(place.files().certificate_file), ..place.files() };
        assert!(Tls::load(ca).is_ok());
        place.write("none.pem", "");
        let none = Some(place.0.path().join("none.pem"));
        let none = TlsFiles { client_ca_file: none, ..place.files() };
        assert!(Tls::load(none).unwrap_err().to_string().contains("none.pem"));
    }
}
