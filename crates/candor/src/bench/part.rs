//! One part of a bench, in a process of its own: it chooses its core, and ends when the bench does.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::{bare, pin};
use crate::cli::{Part, PartArgs};
use crate::harden::Refused;
use crate::{assets, collect, live, sink, up};

/// What a part that has lost its bench exits with.
const EXIT_ORPHAN: i32 = 1;

/// Runs the part until it is told to stop.
pub(crate) fn run(args: PartArgs, refused: Refused) -> Result<()> {
    if let Some(core) = args.core {
        pin::pin(&[core])?;
    }
    if let Part::Engine { arguments } = args.part {
        // It watches its standard input by itself. What it says of itself is not for whoever reads the progress.
        let mut program = Command::new(assets::engine_program()?);
        program.stderr(Stdio::null());
        return Err(program.args(arguments).exec()).context("cannot run ClickHouse");
    }
    end_with_parent()?;
    match args.part {
        Part::Bare | Part::Engine { .. } => bare::run(),
        Part::Collect(args) => live(args.config()?, refused, collect::run),
        Part::Journal(args) => live(args.config()?, refused, collect::run_before_journal),
        Part::Sink(args) => live(args.config()?, refused, sink::run),
        Part::Up(args) => live(args.config()?, refused, up::run),
    }
}

/// The bench holds the other end of standard input, which closes however it ends.
fn end_with_parent() -> Result<()> {
    let watch = || {
        std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()).ok();
        std::process::exit(EXIT_ORPHAN);
    };
    std::thread::Builder::new().name("parent".to_owned()).spawn(watch)?;
    Ok(())
}
