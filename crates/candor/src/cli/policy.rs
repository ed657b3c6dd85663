//! What `candor policy` takes.

use std::path::PathBuf;

use candor_policy::{Format, Language};
use clap::{Args, Subcommand, ValueEnum};

use crate::config::{Config, ConfigError};

/// What `policy` does.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check policy files; every problem is shown, with what would be right
    Check(CheckArgs),
    /// Say what changes for visitors from one policy to another
    Diff(DiffArgs),
    /// Say what a policy comes to for a site: gate, tables, notice in short, version
    Explain(ExplainArgs),
    /// Write the smallest useful policy file, to begin with
    New(NewArgs),
    /// Write the notice that visitors of a site read
    Notice(TextArgs),
    /// Keep the policies in force in the history, so that visitors can read them for ever
    Publish(PoliciesArgs),
    /// Write the record of processing activities (GDPR, article 30)
    Record(TextArgs),
}

/// Where policies lie.
#[derive(Args, Debug)]
pub(crate) struct PoliciesArgs {
    /// A directory of policy files, or one file [default: the built-in demo]
    #[arg(long, value_name = "PATH")]
    policies: Option<PathBuf>,
    /// The configuration file, for `[policies]`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What `policy check` takes.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Policy files, or directories of them; TOML, or the JSON form of a notice
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

/// What `policy diff` takes.
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    /// The policy file before
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// The policy file after
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// Print as text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Output,
}

/// What `policy explain` takes.
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// The site, as its policy names it
    #[arg(value_name = "SITE")]
    pub(crate) site: String,
    /// Print as text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Output,
    #[command(flatten)]
    pub(crate) policies: PoliciesArgs,
}

/// What `policy new` takes.
#[derive(Args, Debug)]
pub(crate) struct NewArgs {
    /// The file to write, which must not be there yet
    #[arg(value_name = "FILE", default_value = "policy.toml")]
    pub(crate) file: PathBuf,
}

/// What `policy notice` and `policy record` take.
#[derive(Args, Debug)]
pub(crate) struct TextArgs {
    /// The site, as its policy names it
    #[arg(value_name = "SITE")]
    pub(crate) site: String,
    /// The language: en, sv, nb or fi [default: the first of the policy]
    #[arg(long, value_name = "LANGUAGE", value_parser = language)]
    pub(crate) lang: Option<Language>,
    /// The form: html, md or json
    #[arg(long, value_name = "FORMAT", default_value = "md", value_parser = format)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) policies: PoliciesArgs,
}

/// How something is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For programs.
    Json,
    /// For people.
    Text,
}

fn language(word: &str) -> Result<Language, String> {
    Language::parse(word).ok_or_else(|| format!("write one of {}", words(Language::ALL)))
}

fn format(word: &str) -> Result<Format, String> {
    Format::parse(word).ok_or_else(|| format!("write one of {}", words(Format::ALL)))
}

fn words(of: &[impl ToString]) -> String {
    of.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl PoliciesArgs {
    /// Where they lie; the built-in demo when nothing says it.
    pub(crate) fn place(&self) -> Result<Option<PathBuf>, ConfigError> {
        match &self.policies {
            Some(place) => Ok(Some(place.clone())),
            None => Ok(Config::load(self.config.as_deref())?.policies.dir),
        }
    }
}
