//! What `candor load` takes.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use candor_event::Purpose;
use clap::{Args, ValueEnum};

use crate::config::{Config, ConfigError};
use crate::load::{Agents, Visits};

/// The highest rate that is tried: far more than one machine sends.
pub(crate) const RATE_MAX: u32 = 2_000_000;

/// What `load` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct LoadArgs {
    /// The collector, without TLS; it must trust this machine as a proxy
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = target)]
    pub(crate) target: SocketAddr,
    /// The site that the beacons are of, as the protocol names it
    #[arg(long, value_name = "SITE", default_value = "demo")]
    pub(crate) site: String,
    /// Where its pages are
    #[arg(long, value_name = "URL", default_value = "http://localhost")]
    pub(crate) origin: String,
    /// Beacons a second
    #[arg(
        long, value_name = "N", default_value = "1000", conflicts_with = "closed",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(RATE_MAX)),
    )]
    pub(crate) rate: u32,
    /// Send the next request when the last one was answered, instead of at its time
    #[arg(long, conflicts_with = "find_max")]
    pub(crate) closed: bool,
    /// Look for the highest rate that holds, beginning with --rate
    #[arg(long)]
    pub(crate) find_max: bool,
    /// With --find-max: a rate holds when 99 of 100 answers come within this time, milliseconds
    #[arg(long, value_name = "MS", default_value = "100", requires = "find_max")]
    pub(crate) p99: NonZeroU32,
    /// How long it is measured, seconds; with --find-max each rate [default: 30, or 5]
    #[arg(long, value_name = "S")]
    pub(crate) seconds: Option<NonZeroU32>,
    /// How long it is sent before that, seconds
    #[arg(long, value_name = "S", default_value = "2")]
    pub(crate) warm_up: u32,
    /// Connections that are kept open
    #[arg(long, value_name = "N", default_value = "64")]
    pub(crate) connections: NonZeroU32,
    /// Beacons in a request; above 1 of our own protocol only
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) batch: u32,
    /// How the beacons are written
    #[arg(long, value_name = "PROTOCOL", default_value = "candor")]
    pub(crate) protocol: Protocol,
    /// How many visitors of 100 consent
    #[arg(long, value_name = "PERCENT", default_value = "70", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) consent: u8,
    /// The same seed makes the same visitors
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) seed: u64,
    /// A process of this machine whose CPU time and memory are measured; may be said several times
    #[arg(long, value_name = "NAME=PID")]
    pub(crate) watch: Vec<Watched>,
    /// Count at the end in this purpose's rows whether everything that was kept is there, once: it must keep paths,
    /// and everything that any purpose keeps
    #[arg(long, value_name = "PURPOSE", value_parser = purpose)]
    pub(crate) check: Option<Purpose>,
    /// The configuration file, for `[clickhouse]` of --check
    #[arg(long, value_name = "FILE", requires = "check")]
    config: Option<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Who else's beacons are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// Our own, as JSON.
    Candor,
    /// `matomo.php`.
    Matomo,
    /// Our own, as an image.
    Pixel,
    /// `/api/event`.
    Plausible,
    /// `/api/send`.
    Umami,
}

/// A process that is measured.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) name: String,
    pub(crate) pid: u32,
}

impl FromStr for Watched {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "write a name and the number of a process, such as collector=1234";
        let (name, pid) = text.split_once('=').ok_or(wrong)?;
        let pid = pid.parse().map_err(|_| wrong)?;
        Ok(Self { name: name.to_owned(), pid })
    }
}

fn target(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "write an address and a port, such as 127.0.0.1:8080")
}

fn purpose(name: &str) -> Result<Purpose, String> {
    Purpose::parse(name).map_err(|_| "no purpose can have this name".to_owned())
}

impl LoadArgs {
    /// Whose beacons are sent.
    pub(crate) fn visits(&self) -> Visits {
        Visits {
            target: self.target,
            site: self.site.clone(),
            origin: self.origin.clone(),
            batch: self.batch,
            protocol: self.protocol,
            consent: self.consent,
            seed: self.seed,
            agents: Agents::Common,
            is_numbered: false,
        }
    }

    /// The file.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        let config = Config::load(self.config.as_deref())?;
        config.check()?;
        Ok(config)
    }
}
