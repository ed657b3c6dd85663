//! Hostile bytes for every parser of foreign ones: valid inputs, damaged in ways that keep much of their structure.
//! Which bytes an input has follows from the target's name and the input's number alone, so that a failure is
//! repeated by its number.
//!
//! ```
//! let seeds: [&[u8]; 2] = [br#"{"a":1}"#, b"[]"];
//! candor_hostile::attack("doc", &seeds, &["null"], |bytes| {
//!     let _ = std::str::from_utf8(bytes);
//! });
//! ```
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "figures are for whoever runs it")]

use std::time::Instant;

mod canary;
mod mutation;

pub use canary::{Canary, IN_TEXT, V4, V6};

use mutation::Mutations;

/// How many inputs a target gets when nobody says otherwise.
const INPUTS: u64 = 20_000;
/// How many, and which is the first: of each target.
const INPUTS_NAME: &str = "CANDOR_FUZZ_INPUTS";
const FIRST_NAME: &str = "CANDOR_FUZZ_FIRST";

/// Says how to repeat the input that a panic came from.
struct Trying {
    target: &'static str,
    number: u64,
}

/// Tries every input of a target, made of `seeds` and of `words` that mean something to it.
///
/// # Panics
/// When `attempt` does; the input's number and the command that repeats it are printed.
pub fn attack(
    target: &'static str,
    seeds: &[&[u8]],
    words: &[&str],
    mut attempt: impl FnMut(&[u8]),
) {
    let (first, inputs) = (number(FIRST_NAME, 0), number(INPUTS_NAME, INPUTS));
    let mut mutations = Mutations::new(target, seeds, words);
    let begin = Instant::now();
    let mut trying = Trying { target, number: first };
    // As they are, too.
    for seed in seeds {
        attempt(seed);
    }
    for number in first..first.saturating_add(inputs) {
        trying.number = number;
        attempt(mutations.input(number));
    }
    let seconds = begin.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for reading")]
    let rate = inputs as f64 / seconds.max(1e-9);
    println!("hostile: {target}: {inputs} inputs, {rate:.0} a second");
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

impl Drop for Trying {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { target, number } = self;
            println!(
                "hostile: {target}: input {number} failed; repeat it by\n  \
                 {FIRST_NAME}={number} {INPUTS_NAME}=1 cargo test --workspace hostile"
            );
        }
    }
}
