//! The address databases: opened at the start, and opened again when their files change. A new one is looked
//! into from one event to the next; one that is damaged changes nothing.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use candor_collector::Door;
use candor_event::Field;
use candor_pipeline::Geo;
use candor_policy::Registry;
use candor_transport::Producer;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::assets;
use crate::config::{Config, ConfigError, GeoConfig};
use crate::policies::Stamp;

/// How often the files are looked at. They are read when they did not change in between.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Says of what some policy keeps that nothing is there to look it up in.
pub(crate) fn warn_of_missing(config: &GeoConfig, registry: &Registry) {
    let keeps = |fields: &[Field]| {
        let mut policies = registry.policies().iter();
        policies.any(|policy| fields.iter().any(|field| policy.fields().contains(*field)))
    };
    if config.places.is_none() && keeps(&[Field::Country, Field::Region, Field::City]) {
        tracing::warn!(
            "policies keep places, and there is no database of them: run `make geo`, or set geo.places"
        );
    }
    if config.networks.is_none() && keeps(&[Field::Network]) {
        tracing::warn!(
            "policies keep networks, and there is no table of them: run `make geo`, or set geo.networks"
        );
    }
}

/// Opens them, and says which they are, when they were made, and whose they are.
pub(crate) fn open(config: &GeoConfig) -> Result<Geo> {
    let geo = Geo::open(config.places.as_deref(), config.networks.as_deref()).map_err(|error| {
        let why = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        ConfigError::Value(format!("{error}{why}"))
    })?;
    for source in geo.sources() {
        if let Some(built_at) = source.built_at {
            metrics::gauge!("candor_geo_built_timestamp_seconds", "of" => source.of)
                .set(Duration::from_secs(built_at.unsigned_abs()).as_secs_f64());
        }
        tracing::info!(
            of = source.of,
            kind = source.kind,
            built_at = source.built_at,
            "looking addresses up"
        );
    }
    if let Some(about) = about(config) {
        tracing::info!(about, "the address databases that were fetched");
    }
    Ok(geo)
}

/// What the set-up wrote down of those that it fetched: dates and attribution.
fn about(config: &GeoConfig) -> Option<String> {
    let beside = config.networks.as_ref().or(config.places.as_ref())?.with_file_name("ABOUT");
    let about = std::fs::read_to_string(beside).ok()?;
    Some(about.lines().collect::<Vec<_>>().join("; "))
}

/// Looks after the files, until the task is aborted; there is nothing to look after without any.
pub(crate) fn follow<P: Producer>(
    config: &Config,
    door: Arc<Door<P>>,
) -> Result<Option<JoinHandle<()>>> {
    let config = assets::geo(&config.geo)?;
    if config.places.is_none() && config.networks.is_none() {
        return Ok(None);
    }
    Ok(Some(tokio::spawn(look_after(config, door))))
}

async fn look_after<P: Producer>(config: GeoConfig, door: Arc<Door<P>>) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    let mut seen = stamp(&config);
    let mut changing = None;
    loop {
        tick.tick().await;
        let now = stamp(&config);
        let is_at_rest = changing.as_ref() == Some(&now);
        changing = (now != seen).then(|| now.clone());
        if changing.is_none() || !is_at_rest {
            continue;
        }
        seen = now;
        let files = config.clone();
        match spawn_blocking(move || open(&files)).await {
            Ok(Ok(geo)) => door.pipeline().look_up_in(geo),
            Ok(Err(error)) => tracing::error!(%error, "the address databases stay as they were"),
            Err(error) => tracing::error!(%error, "an address database could not be read"),
        }
    }
}

fn stamp(config: &GeoConfig) -> Stamp {
    Stamp::of_files(
        [&config.places, &config.networks].into_iter().flatten().map(|path| -> &Path { path }),
    )
}
