//! What tests of the whole pipeline begin with.

use std::sync::Arc;

use candor_pipeline::{Agents, Geo, KeyPeriod, KeyRing, Pipeline, Sources, Spam};
use candor_policy::{Registry, compile};

/// A pipeline under one policy, with these rules for agents, and without databases.
pub(crate) fn pipeline(policy: &str, rules: &str) -> Pipeline {
    let policy = compile("test.toml", policy).unwrap_or_else(|problems| panic!("{problems}"));
    let registry = Arc::new(Registry::new(vec![policy]).unwrap());
    let keys = Arc::new(KeyRing::new(KeyPeriod::default(), None));
    let agents = Agents::from_yaml(rules).unwrap();
    Pipeline::new(registry, keys, Sources { agents, geo: Geo::default(), spam: Spam::default() })
}
