//! The version of a policy: a hash of what it means, which travels with every row and names the text
//! that its visitor was promised. Two files that mean the same have the same version.

use candor_event::{PolicyVersion, Signal};

use crate::{AddressMode, Policy};

/// Hashes everything but the name of the file. Lists have been put in order by the compiler.
pub(crate) fn of(policy: &Policy) -> PolicyVersion {
    let mut form = Form(blake3::Hasher::new_derive_key(CONTEXT));
    let controller = &policy.controller;
    form.text(&controller.id);
    form.text(&controller.name);
    form.text(&controller.contact);
    form.list(&policy.sites, |form, site| {
        form.text(site.name.as_str());
        form.list(&site.hosts, |form, host| form.text(&host.to_string()));
    });
    form.text(policy.address.label());
    if let AddressMode::Truncate { v4, v6 } = policy.address {
        form.number(v4.into());
        form.number(v6.into());
    }
    form.text(policy.visitor.label());
    form.list(&policy.query, |form, name| form.text(name));
    form.list(&policy.purposes, |form, rule| {
        form.text(rule.name.as_str());
        form.text(rule.basis.label());
        form.number(rule.retention.months().into());
        form.number(rule.retention.days().into());
        form.number(rule.fields.bits());
        for signal in Signal::ALL {
            form.number(rule.denied_by(signal).into());
        }
    });
    form.finish()
}

/// Lengths precede contents, so that no two policies have the same form.
struct Form(blake3::Hasher);

impl Form {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        for item in items {
            each(self, item);
        }
    }

    fn finish(&self) -> PolicyVersion {
        let mut bytes = [0; 16];
        self.0.finalize_xof().fill(&mut bytes);
        PolicyVersion::from_bytes(bytes)
    }
}

/// Changes with the canonical form, so that forms cannot be mistaken for each other.
const CONTEXT: &str = "candor policy version, form 1";
