//! What each case takes, as the repository says it: `baseline.toml`, one number a line.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use crate::case::Case;

/// Numbers by their names, such as `one-denied.instructions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline(BTreeMap<String, u64>);

/// What is counted of each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Instructions of an event.
    Instructions,
    /// Allocations of a hundred events.
    Allocations,
    /// Bytes that a hundred events allocate.
    AllocatedBytes,
}

const HEAD: &str = "# What an event of each case takes, and a hundred of them in allocations; README.md says how it is counted.\n\
                    # `make baseline` writes it anew.\n\n";

// === impl Unit ===

impl Unit {
    const fn label(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Allocations => "allocations_of_100",
            Self::AllocatedBytes => "allocated_bytes_of_100",
        }
    }
}

// === impl Baseline ===

impl Baseline {
    /// As it is in the repository.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is none.
    pub fn read() -> io::Result<Self> {
        let text = std::fs::read_to_string(path())?;
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let numbers = lines.map(|line| {
            let (name, number) = line.split_once(" = ")?;
            Some((name.to_owned(), number.parse().ok()?))
        });
        let numbers = numbers.collect::<Option<_>>();
        numbers.map(Self).ok_or_else(|| io::Error::other("baseline.toml has a line that is none"))
    }

    /// What is written down of this.
    pub fn get(&self, case: Case, unit: Unit) -> Option<u64> {
        self.0.get(&name(case, unit)).copied()
    }

    /// Writes something down, not yet into the file.
    pub fn set(&mut self, case: Case, unit: Unit, number: u64) {
        self.0.insert(name(case, unit), number);
    }

    /// Writes the file; what is of no case is left out.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self) -> io::Result<()> {
        let mut text = HEAD.to_owned();
        for case in Case::ALL {
            for unit in [Unit::Instructions, Unit::Allocations, Unit::AllocatedBytes] {
                if let Some(number) = self.get(case, unit) {
                    // Writing to a string cannot fail.
                    writeln!(text, "{} = {number}", name(case, unit)).ok();
                }
            }
        }
        std::fs::write(path(), text)
    }
}

fn name(case: Case, unit: Unit) -> String {
    format!("{}.{}", case.name(), unit.label())
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.toml"))
}
