//! How hard parts are ill-treated, and what came of it.

use std::time::{Duration, Instant};

use crate::part::Part;

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// What every test run does, in minutes.
    Ci,
    /// What `make faults-full` does, with the figures of `docs/faults.md`.
    Full,
}

/// What `CANDOR_FAULTS` says.
pub fn scale() -> Scale {
    match std::env::var("CANDOR_FAULTS").as_deref() {
        Ok("full") => Scale::Full,
        _ => Scale::Ci,
    }
}

impl Scale {
    /// One of the two.
    pub fn pick<T>(self, ci: T, full: T) -> T {
        match self {
            Self::Ci => ci,
            Self::Full => full,
        }
    }
}

/// The budgets that `docs/operating.md` states, MiB.
const COLLECTOR_MIB: u64 = 256;
const SINK_MIB: u64 = 512;

/// What came of a fault: a line for the report.
#[derive(Debug)]
pub struct Fault {
    name: &'static str,
    began: Instant,
    figures: Vec<String>,
}

impl Fault {
    /// It begins: `F5`, or more of them.
    pub fn begin(name: &'static str) -> Self {
        Self { name, began: Instant::now(), figures: Vec::new() }
    }

    /// A figure, and what it is.
    pub fn note(&mut self, figure: impl Into<String>) {
        self.figures.push(figure.into());
    }

    /// The most memory that collectors took so far, which is within their budget.
    pub fn note_memory_of_collectors(&mut self, collectors: &[Part]) {
        self.note_memory(collectors, "a collector", COLLECTOR_MIB);
    }

    /// The same of sinks.
    pub fn note_memory_of_sinks(&mut self, sinks: &[Part]) {
        self.note_memory(sinks, "a sink", SINK_MIB);
    }

    fn note_memory(&mut self, parts: &[Part], what: &str, budget_mib: u64) {
        let most = parts.iter().map(Part::memory_peak_kib).max().unwrap_or_default() / 1_024;
        assert!(most <= budget_mib, "{what} took {most} MiB, and {budget_mib} are its budget");
        self.note(format!("{what} {most} MiB of {budget_mib} at most"));
    }

    /// A time, and what it was.
    pub fn note_time(&mut self, what: &str, time: Duration) {
        self.note(format!("{what} {:.1} s", time.as_secs_f64()));
    }

    /// Prints it.
    #[expect(clippy::print_stdout, reason = "figures are for whoever looks")]
    pub fn end(self) {
        let Self { name, began, figures } = self;
        println!(
            "FAULT {name}: {}; {:.0} s in all",
            figures.join("; "),
            began.elapsed().as_secs_f64()
        );
    }
}
