//! An authority, and certificates of its: for listeners, and for whoever connects to them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// An authority, and a directory with its certificate, `ca.pem`, and those that it has issued.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: tempfile::TempDir,
}

impl Authority {
    /// One that has issued certificates of these names.
    pub fn of(names: &[&str]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { issuer, dir: tempfile::tempdir().unwrap() };
        authority.write("ca.pem", &authority.issuer.pem());
        for name in names {
            authority.issue(name);
        }
        authority
    }

    /// Puts a new certificate for this machine, and its key, where those of this name were: `NAME.pem` and
    /// `NAME.key`.
    pub fn issue(&self, name: &str) {
        self.issue_for(name, &["localhost", "127.0.0.1"]);
    }

    /// The same for other hosts.
    pub fn issue_for(&self, name: &str, hosts: &[&str]) {
        let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
        self.issue_as(name, &CertificateParams::new(hosts).unwrap());
    }

    /// The same for this machine, good until the beginning of a day: year, month and day.
    pub fn issue_until(&self, name: &str, (year, month, day): (i32, u8, u8)) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, month, day);
        self.issue_as(name, &params);
    }

    fn issue_as(&self, name: &str, params: &CertificateParams) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        self.write(&format!("{name}.key"), &key.serialize_pem());
        self.write(&format!("{name}.pem"), &certificate.pem());
    }

    /// Puts a text into a file that nobody else can read.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
    }

    /// Where a file is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A client that trusts this authority, and shows a certificate when it has one.
    pub fn client(&self, shown: Option<Shown<'_>>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let Some(Shown { of, name }) = shown else {
            return builder.with_no_client_auth();
        };
        let chain = CertificateDer::pem_file_iter(of.path(&format!("{name}.pem"))).unwrap();
        let key = PrivateKeyDer::from_pem_file(of.path(&format!("{name}.key"))).unwrap();
        builder.with_client_auth_cert(chain.map(Result::unwrap).collect(), key).unwrap()
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// A certificate that a client shows, whoever has issued it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Its authority.
    pub of: &'a Authority,
    /// Its name there.
    pub name: &'a str,
}
