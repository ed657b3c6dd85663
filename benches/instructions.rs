//! Instructions of an event, case by case, counted by valgrind's callgrind, against `baseline.toml`.
//!
//! ```text
//! make instructions        # compares; more than 2 % above the baseline fails
//! make baseline            # writes it down anew
//! ```
//!
//! The program runs itself under callgrind, once for each case, which counts within [`measured`] alone: preparing
//! and warming up are not in it.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode};

use candor_benches::baseline::{Baseline, Unit};
use candor_benches::case::{Case, Prepared, subject};

/// What `candor` itself allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Thousandths of the baseline that are no difference.
const TOLERANCE: u64 = 20;
/// What callgrind looks for.
const FUNCTION: &str = "*instructions::measured*";
/// The argument of the run that is counted.
const COUNTED: &str = "--counted";
/// Says how often everything is counted, to see how much the counts differ.
const RUNS: &str = "CANDOR_INSTRUCTIONS_RUNS";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(),
        ["--accept"] => accept(),
        [COUNTED, case] => counted(case),
        _ => Err("it takes nothing, or --accept".into()),
    }
}

/// The run under callgrind, of one case. Says how many events it counts.
fn counted(name: &str) -> Result<ExitCode, Box<dyn Error>> {
    let case = Case::ALL.into_iter().find(|case| case.name() == name).ok_or("no such case")?;
    let subject = subject()?;
    let prepared = case.prepare(&subject)?;
    prepared.warm()?;
    println!("{}", measured(&prepared)?);
    Ok(ExitCode::SUCCESS)
}

#[inline(never)]
fn measured(prepared: &Prepared<'_>) -> Result<usize, Box<dyn Error>> {
    prepared.count()
}

fn accept() -> Result<ExitCode, Box<dyn Error>> {
    let mut baseline = Baseline::read()?;
    for (case, instructions) in Case::ALL.into_iter().zip(count()?) {
        println!("{:<18} {instructions:>9} instructions", case.name());
        baseline.set(case, Unit::Instructions, instructions);
    }
    baseline.write()?;
    Ok(ExitCode::SUCCESS)
}

fn compare() -> Result<ExitCode, Box<dyn Error>> {
    let baseline = Baseline::read()?;
    let runs = std::env::var(RUNS).ok().and_then(|runs| runs.parse().ok()).unwrap_or(1);
    let runs = (0..runs).map(|_| count()).collect::<Result<Vec<_>, _>>()?;
    println!("{:<18} {:>9} {:>9} {:>8}  spread", "instructions", "counted", "baseline", "");
    let (mut is_worse, mut is_better) = (false, false);
    for (index, case) in Case::ALL.into_iter().enumerate() {
        let of_case = || runs.iter().filter_map(|run| run.get(index).copied());
        let (least, most) = (of_case().min().unwrap_or(0), of_case().max().unwrap_or(0));
        let before = baseline.get(case, Unit::Instructions);
        let before =
            before.ok_or("a case is not in the baseline: `make baseline` writes it down")?;
        println!(
            "{:<18} {least:>9} {before:>9} {:>+6} ‰  {}",
            case.name(),
            (i128::from(least) - i128::from(before)) * 1_000 / i128::from(before.max(1)),
            most - least,
        );
        is_worse |= least * 1_000 > before * (1_000 + TOLERANCE);
        is_better |= least * 1_000 < before * (1_000 - TOLERANCE);
    }
    if is_worse {
        println!(
            "An event takes more than the baseline says. If that is meant, `make baseline` writes it down."
        );
        return Ok(ExitCode::FAILURE);
    }
    if is_better {
        println!(
            "An event takes less than the baseline says: `make baseline` writes it down, commit it."
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The instructions of an event of each case, in order. Each has a process of its own.
fn count() -> Result<Vec<u64>, Box<dyn Error>> {
    let out = std::env::temp_dir().join(format!("candor-instructions-{}", std::process::id()));
    let counts = Case::ALL.into_iter().map(|case| count_one(case, &out)).collect();
    std::fs::remove_file(&out).ok();
    counts
}

fn count_one(case: Case, out: &Path) -> Result<u64, Box<dyn Error>> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={FUNCTION}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args([COUNTED, case.name()])
        .output()
        .map_err(|error| format!("valgrind does not start, install it: {error}"))?;
    if !run.status.success() {
        return Err(String::from_utf8_lossy(&run.stderr).into_owned().into());
    }
    let events: u64 = String::from_utf8(run.stdout)?.trim().parse()?;
    let text = std::fs::read_to_string(out)?;
    let sum = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let sum: u64 = sum.ok_or("callgrind wrote no sum")?.trim().parse()?;
    if sum == 0 {
        return Err("callgrind did not see the function that is counted".into());
    }
    Ok((sum + events / 2) / events)
}
