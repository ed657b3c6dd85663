//! Which policy a site has: all policies of a deployment, swapped whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use candor_event::{FieldSet, Purpose, Site};

use crate::host::Hosts;
use crate::{DEMO, Hours, Policy, Problems, Protocol, compile};

/// All policies of a deployment, by site.
#[derive(Clone, Debug)]
pub struct Registry {
    policies: Vec<Arc<Policy>>,
    sites: Sites,
    /// By what other protocols call them.
    foreign: BTreeMap<Protocol, Sites>,
    hosts: Hosts,
    is_demo: bool,
}

/// Sites by what beacons call them.
type Sites = HashMap<Box<str>, (Site, Arc<Policy>)>;

// === impl Registry ===

impl Registry {
    /// Puts policies beside each other.
    ///
    /// # Errors
    /// [`Problems`]: there is none, or two have the same site, foreign id or controller.
    pub fn new(policies: Vec<Policy>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let policies: Vec<_> = policies.into_iter().map(Arc::new).collect();
        if policies.is_empty() {
            problems.push_between(
                "there is no policy".to_owned(),
                Vec::new(),
                "without a policy nothing may be kept: write a file for the controller",
            );
        }
        check_controllers(&policies, &mut problems);
        let sites = by_site(&policies, &mut problems);
        let foreign = by_foreign_id(&policies, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let hosts = Hosts::of(policies.iter().flat_map(|policy| policy.hosts()));
        Ok(Self { policies, sites, foreign, hosts, is_demo: false })
    }

    /// Compiles files, given by name and text, and puts them beside each other.
    ///
    /// # Errors
    /// [`Problems`] of all files; no policy comes into force when one has any.
    pub fn compile<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut policies = Vec::new();
        for (origin, text) in files {
            match compile(origin, text) {
                Ok(policy) => policies.push(policy),
                Err(found) => problems.merge(found),
            }
        }
        if problems.is_empty() {
            return Self::new(policies);
        }
        Err(problems)
    }

    /// The built-in demo alone.
    ///
    /// # Errors
    /// None: the demo compiles, as a test of this crate shows.
    pub fn demo() -> Result<Self, Problems> {
        let demo = Self::compile([("demo.toml", DEMO)])?;
        Ok(Self { is_demo: true, ..demo })
    }

    /// Whether it is the built-in demo.
    pub fn is_demo(&self) -> bool {
        self.is_demo
    }

    /// A site by the name that a beacon gives, and its policy.
    pub fn site(&self, name: &str) -> Option<(&Site, &Arc<Policy>)> {
        self.sites.get(name).map(|(site, policy)| (site, policy))
    }

    /// A site by what another protocol calls it, and its policy.
    pub fn foreign_site(&self, protocol: Protocol, id: &str) -> Option<(&Site, &Arc<Policy>)> {
        self.foreign.get(&protocol)?.get(id).map(|(site, policy)| (site, policy))
    }

    /// Whether the pages of a host may send beacons for any site. Case and port do not count.
    pub fn allows_host(&self, host: &str) -> bool {
        self.hosts.contains(host)
    }

    /// All policies.
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// How long a key may live at most under all policies that need one; `None` when none does.
    pub fn rotation(&self) -> Option<Hours> {
        let keyed = self.policies.iter().filter(|policy| policy.uses_keys());
        keyed.map(|policy| policy.rotation()).min()
    }

    /// Every purpose, with the fields that some policy keeps for it: the tables and their columns.
    pub fn purposes(&self) -> BTreeMap<Purpose, FieldSet> {
        let mut purposes = BTreeMap::<_, FieldSet>::new();
        for rule in self.policies.iter().flat_map(|policy| policy.purposes()) {
            let fields = purposes.entry(rule.name().clone()).or_default();
            *fields = fields.union(rule.fields());
        }
        purposes
    }
}

fn by_site(policies: &[Arc<Policy>], problems: &mut Problems) -> Sites {
    let mut sites = Sites::new();
    for policy in policies {
        for entry in policy.sites() {
            let name = entry.name();
            let value = (name.clone(), Arc::clone(policy));
            if let Some((_, other)) = sites.insert(name.as_str().into(), value) {
                problems.push_between(
                    format!("two policies have the site `{name}`"),
                    vec![Arc::clone(&other.origin), Arc::clone(&policy.origin)],
                    "a site has one policy: take it out of one file",
                );
            }
        }
    }
    sites
}

fn by_foreign_id(policies: &[Arc<Policy>], problems: &mut Problems) -> BTreeMap<Protocol, Sites> {
    let mut foreign = BTreeMap::<_, Sites>::new();
    for policy in policies {
        for entry in policy.sites() {
            for also in entry.also() {
                let sites = foreign.entry(also.protocol()).or_default();
                let value = (entry.name().clone(), Arc::clone(policy));
                if let Some((_, other)) = sites.insert(also.id().into(), value) {
                    problems.push_between(
                        format!("two policies have `{also}`"),
                        vec![Arc::clone(&other.origin), Arc::clone(&policy.origin)],
                        "a beacon has one site: take the id out of one file",
                    );
                }
            }
        }
    }
    foreign
}

/// Views are named after purpose and controller, so a controller has one file.
fn check_controllers(policies: &[Arc<Policy>], problems: &mut Problems) {
    let mut first = HashMap::new();
    for policy in policies {
        let id = policy.controller().id();
        let other = first.entry(id).or_insert(policy);
        if !Arc::ptr_eq(other, policy) {
            problems.push_between(
                format!("two policies have the controller `{id}`"),
                vec![Arc::clone(&other.origin), Arc::clone(&policy.origin)],
                "a controller has one policy, after which its views are named: give each its own id",
            );
        }
    }
}
