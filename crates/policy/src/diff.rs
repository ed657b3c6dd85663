//! From one policy to another: which promises got stricter, and which looser.
//!
//! Whatever is not surely stricter counts as looser. A policy without any looser change never admits more
//! than the one before, and keeps nothing longer.

mod purposes;
mod settings;

use std::fmt;

use candor_event::{Field, Purpose, Signal};
use serde::Serialize;

use crate::words::words;
use crate::{KindSet, Policy};

/// Everything in which two policies differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    changes: Vec<Change>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is promised otherwise.
    pub subject: Subject,
    /// For visitors.
    pub effect: Effect,
    /// What was promised before; empty when nothing was.
    pub before: String,
    /// What is promised now; empty when nothing is.
    pub after: String,
}

/// What a difference is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The legal basis of a purpose.
    Basis(Purpose),
    /// The longest that a purpose may keep anything, however often a period is renewed.
    Cap(Purpose),
    /// A field that a purpose keeps.
    Field(Purpose, Field),
    /// Kinds of event that a purpose keeps.
    Kinds(Purpose),
    /// How long a purpose keeps these kinds of event.
    Period(Purpose, KindSet),
    /// A purpose itself.
    Purpose(Purpose),
    /// How a purpose ends what it keeps, or what visitors read of it.
    Said(Purpose),
    /// A setting of the whole policy, by its place in the file.
    Setting(String),
    /// What a signal denies.
    Signal(Purpose, Signal),
}

words! {
    /// What a change means for visitors.
    pub enum Effect {
        /// Less is kept, or shorter, or fewer see it.
        Stricter = "stricter",
        /// More may be kept, or longer, or more may see it.
        Looser = "looser",
        /// Neither: other words, other names.
        Other = "other",
    }
}

/// A change as data.
#[derive(Serialize)]
struct Written<'a> {
    subject: String,
    effect: &'static str,
    lengthens: bool,
    before: &'a str,
    after: &'a str,
}

// === impl Diff ===

impl Diff {
    /// Compares two policies.
    pub fn between(old: &Policy, new: &Policy) -> Self {
        let mut changes = Vec::new();
        settings::compare(old, new, &mut changes);
        purposes::compare(old, new, &mut changes);
        if changes.is_empty() && old.version() != new.version() {
            changes.push(Change {
                subject: Subject::Setting("policy".to_owned()),
                effect: Effect::Other,
                before: old.version().to_string(),
                after: new.version().to_string(),
            });
        }
        Self { changes }
    }

    /// The changes: settings first, then purpose by purpose.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether the policies mean the same.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether some promise got looser.
    pub fn is_looser(&self) -> bool {
        self.changes.iter().any(|change| change.effect == Effect::Looser)
    }

    /// Periods that got longer, or may have. Rows that were promised a shorter one keep it.
    pub fn lengthened(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.lengthens())
    }

    /// The changes as JSON.
    pub fn to_json(&self) -> String {
        let written: Vec<_> = self.changes.iter().map(Change::written).collect();
        serde_json::to_string_pretty(&written).unwrap_or_default()
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("both mean the same\n");
        }
        self.changes.iter().try_for_each(|change| writeln!(f, "{change}"))?;
        let count = self.lengthened().count();
        if count > 0 {
            writeln!(
                f,
                "\n{count} longer: rows that were promised a shorter period keep the shorter one"
            )?;
        }
        Ok(())
    }
}

// === impl Change ===

impl Change {
    /// Whether a period got longer, or may have.
    pub fn lengthens(&self) -> bool {
        let is_period = matches!(self.subject, Subject::Cap(_) | Subject::Period(..));
        is_period && self.effect == Effect::Looser
    }

    fn written(&self) -> Written<'_> {
        Written {
            subject: self.subject.to_string(),
            effect: self.effect.label(),
            lengthens: self.lengthens(),
            before: &self.before,
            after: &self.after,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, effect, before, after } = self;
        let effect = effect.label();
        match (before.as_str(), after.as_str()) {
            ("", after) => write!(f, "{effect:<8} {subject}: + {after}"),
            (before, "") => write!(f, "{effect:<8} {subject}: - {before}"),
            (before, after) => write!(f, "{effect:<8} {subject}: {before} -> {after}"),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basis(purpose) => write!(f, "purposes.{purpose}.basis"),
            Self::Cap(purpose) => write!(f, "purposes.{purpose}.retention, at most"),
            Self::Field(purpose, _) => write!(f, "purposes.{purpose}.fields"),
            Self::Kinds(purpose) => write!(f, "purposes.{purpose}.kinds"),
            Self::Period(purpose, kinds) if *kinds == KindSet::ALL => {
                write!(f, "purposes.{purpose}.retention")
            }
            Self::Period(purpose, kinds) => {
                let kinds: Vec<_> = kinds.iter().map(candor_event::Kind::label).collect();
                write!(f, "purposes.{purpose}.retention of {}", kinds.join(", "))
            }
            Self::Purpose(_) => f.write_str("purposes"),
            Self::Said(purpose) => write!(f, "purposes.{purpose}"),
            Self::Setting(place) => f.write_str(place),
            Self::Signal(_, signal) => write!(f, "signals.{}", signal.label()),
        }
    }
}
