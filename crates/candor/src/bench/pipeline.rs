//! Everything between a beacon and its row, as processes of their own: `candor up`, or a collector, a sink and
//! ClickHouse around a Kafka.
#![expect(clippy::disallowed_types, reason = "addresses that the parts listen on")]

use std::ffi::OsString;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use candor_store::Store;

use super::Bench;
use super::child::{ANY_PORT, Running, engine_of, kill, own_program, part, taking};
use crate::cli::Watched;
use crate::config::{Config, LogKind};
use crate::engine::{Engine, Launch};
use crate::{assets, policies, tables, topic};

/// What the sink and ClickHouse are called in reports.
pub(crate) const SINK: &str = "sink";
pub(crate) const CLICKHOUSE: &str = "ClickHouse";
/// The set-up, by which its files go.
pub(crate) const DATA: &str = "pipeline";

/// A running pipeline.
#[derive(Debug)]
pub(crate) struct Pipeline {
    parts: Vec<Running>,
    /// Where there is no `candor up` that looks after it.
    engine: Option<Engine>,
    beacons: SocketAddr,
}

impl Pipeline {
    /// Starts all parts, and waits until they are up.
    pub(crate) async fn start(bench: &Bench, log: LogKind) -> Result<Self> {
        match log {
            LogKind::Journal => Self::in_one(bench).await,
            LogKind::Kafka => Self::in_parts(bench).await,
        }
    }

    async fn in_one(bench: &Bench) -> Result<Self> {
        let config = bench.place.configure(DATA, LogKind::Journal, "")?;
        let told = ["up", "--clickhouse", ANY_PORT];
        let up = Running::start(taking(bench, "collector, journal and sink", &told, &config, DATA))
            .await?;
        let beacons = up.beacons()?;
        Ok(Self { parts: vec![up], engine: None, beacons })
    }

    async fn in_parts(bench: &Bench) -> Result<Self> {
        let engine = Engine::start(launch(bench)?).await?;
        let own = format!("{}[clickhouse]\nurl = '{}'\n", bench.kafka("pipeline"), engine.url());
        let path = bench.place.configure(DATA, LogKind::Kafka, &own)?;
        let config = Config::load(Some(&path))?;
        topic::ensure(config.kafka()?).await?;
        let registry = policies::load(Some(&bench.place.policies()))?;
        tables::migrate(&config, &Store::new(&config.server()?), &registry).await?;

        let told = ["sink", "--instance", "bench"];
        let sink = Running::start(part(bench, SINK, &told, &path)).await?;
        let collector =
            Running::start(taking(bench, "collector", &["collect"], &path, DATA)).await?;
        let beacons = collector.beacons()?;
        Ok(Self { parts: vec![collector, sink], engine: Some(engine), beacons })
    }

    /// Where it takes beacons, for as long as it lives.
    pub(crate) fn beacons(&self) -> SocketAddr {
        self.beacons
    }

    /// Where ClickHouse is now.
    pub(crate) fn clickhouse(&self) -> Result<SocketAddr> {
        let told = self.parts.iter().find_map(|part| part.listeners.clickhouse);
        self.engine.as_ref().map(Engine::address).or(told).context("ClickHouse is nowhere")
    }

    /// Its processes as they are now.
    pub(crate) fn watched(&self) -> Result<Vec<Watched>> {
        let engine = Watched { name: CLICKHOUSE.to_owned(), pid: self.engine_pid()? };
        Ok(self.parts.iter().map(Running::watched).chain([engine]).collect())
    }

    /// Those that can be killed, in this order.
    pub(crate) fn victims(&self) -> Vec<&'static str> {
        self.parts.iter().map(|part| part.spec.name).chain([CLICKHOUSE]).collect()
    }

    /// Ends one of them without a warning, and starts it again: ClickHouse is started again by whoever looks
    /// after it.
    pub(crate) async fn kill(&mut self, victim: &str) -> Result<()> {
        let Some(place) = self.parts.iter().position(|part| part.spec.name == victim) else {
            return kill(self.engine_pid()?);
        };
        let mut spec = self.parts.remove(place).kill().await?;
        // Whoever sends beacons knows it by its address.
        let listens = spec.arguments.iter().position(|argument| argument == "--listen");
        if let Some(address) = listens.and_then(|it| spec.arguments.get_mut(it + 1)) {
            *address = self.beacons.to_string().into();
        }
        self.parts.insert(place, Running::start(spec).await?);
        Ok(())
    }

    /// Stops all parts in order.
    pub(crate) async fn stop(self) -> Result<()> {
        for part in self.parts {
            part.stop().await?;
        }
        if let Some(engine) = self.engine {
            engine.stop().await;
        }
        Ok(())
    }

    fn engine_pid(&self) -> Result<u32> {
        let of_part = || self.parts.iter().find_map(Running::engine);
        let own = self.engine.as_ref().and_then(|_| engine_of(std::process::id()));
        own.or_else(of_part).context("ClickHouse is gone: its process cannot be measured")
    }
}

fn launch(bench: &Bench) -> Result<Launch> {
    let mut arguments = vec![OsString::from("bench-part")];
    if let Some(core) = bench.cores.measured {
        arguments.extend(["--core".into(), core.to_string().into()]);
    }
    arguments.push("engine".into());
    Ok(Launch {
        program: own_program()?,
        arguments,
        library: assets::library(bench.config.engine.library.as_deref())?,
        data: bench.place.data(DATA).join("clickhouse"),
        listen: ([127, 0, 0, 1], 0).into(),
    })
}
