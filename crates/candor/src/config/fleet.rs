//! `[keys.fleet]`: whether this collector shares keys with others, and which of them leads.
#![expect(clippy::disallowed_types, reason = "an address to listen on")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use candor_collector::tls::TlsFiles;
use rustls::pki_types::ServerName;
use serde::Deserialize;

use super::ConfigError;

/// What a configuration says of the fleet: nothing, or all that its role needs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FleetConfig {
    listen: Option<SocketAddr>,
    leader: Option<Leader>,
    certificate_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
}

/// The part that a collector has in its fleet.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    /// It asks this leader for keys.
    Follows(Leader, TlsFiles),
    /// It draws keys, and hands them out here.
    Leads(SocketAddr, TlsFiles),
}

/// Where the leader is: `HOST:PORT`. Its certificate must name the host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Leader {
    /// As in the configuration.
    pub(crate) place: String,
    /// What its certificate must name.
    pub(crate) name: ServerName<'static>,
    /// Where it listens.
    pub(crate) port: u16,
}

/// A leader that cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("say HOST:PORT, as in \"collector-1.internal:8091\"")]
pub(crate) struct LeaderError;

// === impl FleetConfig ===

impl FleetConfig {
    /// The part of this collector; `None` without a fleet.
    pub(crate) fn role(&self) -> Result<Option<Role>, ConfigError> {
        let files = match self.clone() {
            Self {
                listen: None,
                leader: None,
                certificate_file: None,
                key_file: None,
                ca_file: None,
            } => {
                return Ok(None);
            }
            Self {
                certificate_file: Some(certificate_file),
                key_file: Some(key_file),
                ca_file: Some(ca_file),
                ..
            } => TlsFiles { certificate_file, key_file, client_ca_file: Some(ca_file) },
            _ => {
                return Err(ConfigError::value(
                    "[keys.fleet] needs certificate_file, key_file and ca_file: the members of a fleet prove \
                     themselves to each other",
                ));
            }
        };
        match (self.listen, self.leader.clone()) {
            (Some(listen), None) => Ok(Some(Role::Leads(listen, files))),
            (None, Some(leader)) => Ok(Some(Role::Follows(leader, files))),
            _ => Err(ConfigError::value(
                "[keys.fleet] needs exactly one of listen, in the one collector that leads, and leader, in \
                 all others",
            )),
        }
    }
}

// === impl Leader ===

impl FromStr for Leader {
    type Err = LeaderError;

    fn from_str(place: &str) -> Result<Self, LeaderError> {
        let (host, port) = place.rsplit_once(':').ok_or(LeaderError)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(LeaderError)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| LeaderError)?;
        Ok(Self { place: place.to_owned(), name, port })
    }
}

impl TryFrom<String> for Leader {
    type Error = LeaderError;

    fn try_from(place: String) -> Result<Self, LeaderError> {
        place.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(text: &str) -> Result<Option<Role>, String> {
        let config: FleetConfig = toml::from_str(text).map_err(|error| error.to_string())?;
        config.role().map_err(|error| error.to_string())
    }

    const FILES: &str = "certificate_file = 'c'\nkey_file = 'k'\nca_file = 'a'\n";

    #[test]
    fn a_collector_leads_or_follows_or_is_alone() {
        assert!(role("").unwrap().is_none());
        let leads = role(&format!("listen = '10.0.0.1:8091'\n{FILES}")).unwrap();
        assert!(matches!(leads, Some(Role::Leads(at, _)) if at.port() == 8_091));
        let follows = role(&format!("leader = 'collector-1.internal:8091'\n{FILES}")).unwrap();
        assert!(matches!(follows, Some(Role::Follows(leader, _)) if leader.port == 8_091));
        for both in
            [FILES.to_owned(), format!("listen = '10.0.0.1:8091'\nleader = 'a:8091'\n{FILES}")]
        {
            assert!(role(&both).unwrap_err().contains("exactly one"), "{both}");
        }
    }

    #[test]
    fn nobody_is_believed_without_a_certificate() {
        for missing in ["certificate_file", "key_file", "ca_file"] {
            let files: String = FILES
                .lines()
                .filter(|line| !line.starts_with(missing))
                .collect::<Vec<_>>()
                .join("\n");
            for who in ["listen = '10.0.0.1:8091'", "leader = 'a:8091'"] {
                assert!(role(&format!("{who}\n{files}")).unwrap_err().contains(missing), "{who}");
            }
        }
    }

    #[test]
    fn a_leader_has_a_name_and_a_port() {
        for (place, host) in
            [("a.example:1", "a.example"), ("10.0.0.1:1", "10.0.0.1"), ("[::1]:1", "::1")]
        {
            let leader: Leader = place.parse().unwrap();
            assert_eq!((leader.name.to_str().as_ref(), leader.port), (host, 1));
        }
        for wrong in ["", "a", ":1", "a:", "a:0", "a:70000", "https://a:1", "a b:1"] {
            assert_eq!(wrong.parse::<Leader>(), Err(LeaderError), "{wrong}");
        }
        assert!(role("leader = 'a'").unwrap_err().contains("HOST:PORT"));
    }
}
