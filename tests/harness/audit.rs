//! `candor audit`, run as operators run it.

use std::process::Command;

use serde_json::Value;

use crate::{Candor, Parts};

/// What an audit said.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The exit status: 0 clean, 1 with findings, 2 when it came to no end.
    pub status: Option<i32>,
    /// Its report; null when it came to no end.
    pub report: Value,
    /// What it said to people.
    pub said: String,
}

impl Audit {
    fn run(mut command: Command, args: &[&str]) -> Self {
        let run = command.arg("--json").args(args).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        let report = serde_json::from_slice(&run.stdout).unwrap_or_default();
        Self { status: run.status.code(), report, said }
    }

    /// Panics with what was found.
    pub fn assert_clean(&self) {
        assert_eq!(self.status, Some(0), "{} {}", self.report, self.said);
        assert_eq!(self.report["clean"], true);
    }

    /// The kinds of the findings, each with the table that it is about; in order, each once.
    pub fn findings(&self) -> Vec<String> {
        let findings = self.report["findings"].as_array().into_iter().flatten();
        let mut kinds: Vec<_> = findings
            .map(|it| {
                let kind = it["kind"].as_str().unwrap();
                it["table"].as_str().map_or_else(|| kind.to_owned(), |_| format!("rows {kind}"))
            })
            .collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// How many rows or ranges of this kind it counted: `ranges`, `found` or `expected`.
    pub fn sum(&self, kind: &str, figure: &str) -> u64 {
        let all = ["compared", "findings"].map(|list| self.report[list].as_array());
        let lines = all.into_iter().flatten().flatten();
        lines.filter(|it| it["kind"] == kind).filter_map(|it| it[figure].as_u64()).sum()
    }
}

impl Parts {
    /// Runs `candor audit`.
    pub fn audit(&self, args: &[&str]) -> Audit {
        Audit::run(self.command("audit"), args)
    }
}

impl Candor {
    /// Runs `candor audit`.
    pub fn audit(&self, args: &[&str]) -> Audit {
        let mut command = self.command("audit");
        command.arg("--data").arg(self.data());
        Audit::run(command, args)
    }
}
