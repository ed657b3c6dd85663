//! `candor bench`: the one command that tells what this machine makes of candor, and writes it down so that it
//! can be published. It starts everything by itself, in a directory that it makes and removes.
#![expect(clippy::disallowed_types, reason = "addresses that beacons are sent to")]

mod bare;
mod cases;
mod child;
mod clickhouse;
mod goals;
mod machine;
mod page;
pub(crate) mod part;
mod pin;
mod pipeline;
mod place;
mod plot;
mod print;
mod results;
mod whole;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use candor_event::Clock;

use crate::cli::{BenchArgs, Protocol, Watched};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::load::{Agents, Load, Plan, Processes, Report, Requests, Visits, measure, name_of_run};
use crate::stop::Stop;
use crate::{assets, block_on, harden, telemetry};
use pin::Cores;
use place::{ORIGIN, Place, SITE};
use results::{Results, Versions};

/// What the parts of a bench need.
#[derive(Debug)]
struct Bench {
    args: BenchArgs,
    config: Config,
    place: Place,
    cores: Cores,
    speed: Speed,
    /// A name for this bench, of which topics are named.
    name: String,
    began: Instant,
}

/// How long everything is measured.
#[derive(Clone, Copy, Debug)]
struct Speed {
    /// Runs of each server beside the other; odd, so that one is in the middle.
    rounds: u32,
    /// How long one run is, seconds, after its warm-up.
    seconds: u32,
    warm_up: u32,
    paced_s: u32,
    whole_s: u32,
    killed_s: u32,
    killed_rate_max: u32,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
struct Shape {
    connections: u32,
    batch: u32,
    agents: Agents,
    is_numbered: bool,
}

const QUICK: Speed = Speed {
    rounds: 3,
    seconds: 1,
    warm_up: 1,
    paced_s: 4,
    whole_s: 5,
    killed_s: 8,
    killed_rate_max: 5_000,
};
const FULL: Speed = Speed {
    rounds: 5,
    seconds: 3,
    warm_up: 1,
    paced_s: 20,
    whole_s: 20,
    killed_s: 30,
    killed_rate_max: 20_000,
};
/// Open connections, and files.
const CONNECTIONS_MIN: usize = 1_100;
/// An embedded ClickHouse that lost its `candor up` ends within this time.
const LEFT_WITHIN: Duration = Duration::from_secs(20);
/// Which fields `report.json` has.
const FORMAT: u32 = 1;

/// How this program was built; whoever builds it in another way says so, as `make dist` does.
const BUILD: &str = match option_env!("CANDOR_BUILD") {
    _ if cfg!(debug_assertions) => "development",
    Some(build) => build,
    None => "release",
};

/// What `main` allocates with.
const ALLOCATOR: &str = "mimalloc";

/// Measures, prints, and writes the report.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let bench = Bench::open(args)?;
    block_on(async move {
        let stop = Stop::on_signal()?;
        let outcome = tokio::select! {
            outcome = bench.run() => outcome,
            () = stop.requested() => Err(anyhow::anyhow!("stopped before everything was measured")),
        };
        child::wait_until_left(bench.place.path(), LEFT_WITHIN).await;
        drop(bench);
        outcome
    })
}

impl Bench {
    /// Refuses what cannot work, before anything is started and any thread is there.
    fn open(args: &BenchArgs) -> Result<Self> {
        if !std::path::Path::new("/proc/self/stat").exists() {
            bail!(
                "there is no /proc: `candor bench` needs Linux, which tells there what processes use"
            );
        }
        let config = args.config()?;
        assets::engine_program()?;
        assets::library(config.engine.library.as_deref())?;
        assets::agent_rules(config.agents.rules.as_deref())?;
        if harden::connections() < CONNECTIONS_MIN {
            bail!(
                "too few files may be open for 1,024 connections: raise the limit (`ulimit -n 4096`)"
            );
        }
        if args.brokers.is_empty() && !args.watch.is_empty() {
            bail!("--watch is for processes of Kafka's: name its --brokers, too");
        }
        Processes::of(&args.watch)?;
        let place = Place::make(args.dir.as_deref(), args.config.as_deref())?;
        place::can_be_written(&args.report)?;
        let speed = if args.quick { QUICK } else { FULL };
        let name = name_of_run().replacen("load", "candor-bench", 1);
        let cores = Cores::divide()?;
        let (args, began) = (args.clone(), Instant::now());
        Ok(Self { args, config, place, cores, speed, name, began })
    }

    async fn run(&self) -> Result<()> {
        let cores = self.cores.load.len() + usize::from(self.cores.measured.is_some());
        let machine = machine::Machine::here(cores, self.place.path());
        let geo = assets::geo(&self.config.geo)?;
        let looks_addresses_up = geo.places.is_some() && geo.networks.is_some();
        telemetry::say(&print::introduction(self, &machine, looks_addresses_up))?;
        if self.has_kafka() {
            cases::ensure_topic(self).await?;
        }
        let alone = cases::run(self).await?;
        // What was measured is told, whatever happens after it.
        let whole::Measured { pipelines, clickhouse, broken } = whole::all(self).await;
        let results = Results {
            format: FORMAT,
            day: crate::tail::day(SystemClock.now()),
            is_quick: self.args.quick,
            machine,
            cores: self.cores.clone(),
            versions: Versions {
                candor: env!("CARGO_PKG_VERSION"),
                profile: BUILD,
                clickhouse,
                allocator: ALLOCATOR,
                looks_addresses_up,
            },
            had_enough_to_do: results::had_enough_to_do(&alone.ratios),
            lines: goals::lines(&alone.ratios, &alone.paced, &pipelines),
            ratios: alone.ratios.into_iter().map(|(ratio, _)| ratio).collect(),
            paced: alone.paced,
            pipelines,
        };
        telemetry::say(&print::table(&results))?;
        self.write("report.json", &serde_json::to_string_pretty(&results)?)?;
        self.write("report.html", &page::page(&results))?;
        self.tell_topics();
        if let Some(error) = broken {
            return Err(error.context("the pipelines were not measured in full"));
        }
        results.verdict()
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.args.report.join(name);
        place::publish(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        self.say(&format!("written: {}", path.display()));
        Ok(())
    }

    /// Only an administrator of Kafka deletes topics.
    fn tell_topics(&self) {
        if self.has_kafka() {
            let name = &self.name;
            self.say(&format!(
                "the topics {name}-collector and {name}-pipeline are left in Kafka: delete them"
            ));
        }
    }

    /// One run of a load, whose rows nobody looks for.
    async fn measure(
        &self,
        target: SocketAddr,
        shape: Shape,
        watch: Vec<Watched>,
        load: Load,
    ) -> Result<Report> {
        self.send(target, shape, watch, load, false).await.map(|(_, report)| report)
    }

    /// One run of a load, and its name, by which its rows are found.
    async fn send(
        &self,
        target: SocketAddr,
        shape: Shape,
        watch: Vec<Watched>,
        load: Load,
        is_told: bool,
    ) -> Result<(String, Report)> {
        let run = name_of_run();
        let visits = Visits {
            target,
            site: SITE.to_owned(),
            origin: ORIGIN.to_owned(),
            batch: shape.batch,
            protocol: Protocol::Candor,
            consent: 100,
            seed: 1,
            agents: shape.agents,
            is_numbered: shape.is_numbered,
        };
        let (connections, warm_up) = (shape.connections, self.speed.warm_up);
        let plan = Plan { visits, connections, warm_up, watch, stop: None };
        let requests = Arc::new(Requests::new(&plan.visits, &run));
        Ok((run, measure(&plan, &requests, load, is_told).await?))
    }

    fn has_kafka(&self) -> bool {
        !self.args.brokers.is_empty()
    }

    /// The lines of a configuration with a topic of this bench.
    fn kafka(&self, part: &str) -> String {
        format!(
            "[log]\nkind = 'kafka'\n[kafka]\nbootstrap_servers = {brokers:?}\ntopic = '{name}-{part}'\n\
             group = '{name}-{part}'\n",
            brokers = self.args.brokers,
            name = self.name,
        )
    }

    /// Removes what one set-up kept. What cannot be removed goes with everything else.
    fn clear(&self, name: &str) {
        std::fs::remove_dir_all(self.place.data(name)).ok();
    }

    /// Tells whoever looks on.
    fn say(&self, what: &str) {
        telemetry::say_progress(&format!("{:>5} s   {what}", self.began.elapsed().as_secs()));
    }
}

/// Half of a rate, for when nothing should be at its limit.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate")]
fn half_of(answered: f64) -> u32 {
    ((answered / 2.0) as u32).max(1)
}
