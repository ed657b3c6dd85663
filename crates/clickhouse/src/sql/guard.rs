//! Refuses statements that reach for files, programs or the network.
//!
//! Three guards stand behind one another, and each holds something that the others do not:
//!
//! 1. **The engine's grants** (`setup`): the one user has no FILE, URL, REMOTE, S3, MYSQL … right,
//!    cannot BACKUP, shut the engine down or create users, and some settings are constant. They hold
//!    table functions and engines however they are spelled, `` SELECT * FROM `/etc/passwd` ``
//!    included.
//! 2. **This check**, on real tokens, for what grants do not know: the scalar function `file`,
//!    `INTO OUTFILE` and `FROM INFILE` (done by the client half of the library), dictionary sources
//!    (EXECUTABLE runs programs), table engines, BACKUP and RESTORE. It also words the refusal.
//! 3. **The kernel's sandbox** (`sandbox`): the process can open nothing but its data directory and
//!    can start no program and no TCP connection, whatever a statement manages to say; some settings
//!    and function arguments hold SQL in a string, where no tokeniser looks.
//!
//! A column, alias or table called `url` or `file` is none of its business: a name counts only where
//! it is called, is an engine, or is a dictionary source.

use super::lexer::{Lexer, Token, TokenKind};
use crate::exception::{Exception, Kind};

/// Passes or refuses the tokens of one statement.
///
/// # Errors
///
/// `ACCESS_DENIED`, naming what was refused.
pub(crate) fn check(text: &[u8], tokens: &[Token]) -> Result<(), Exception> {
    match (Scan { text, tokens }).refusal() {
        Some(what) => Err(refused(&what)),
        None => Ok(()),
    }
}

/// Passes or refuses the rows of VALUES, whose fields are expressions; as [`check`], but in one pass
/// over data of any size.
///
/// # Errors
///
/// As [`check`].
pub(crate) fn check_values(data: &[u8]) -> Result<(), Exception> {
    let mut window = Vec::with_capacity(WINDOW + 1);
    for token in Lexer::new(data) {
        window.push(token);
        if window.len() > WINDOW {
            window.remove(0);
        }
        let scan = Scan { text: data, tokens: &window };
        let before_last = window.len().checked_sub(2);
        if let Some(what) = before_last.and_then(|at| scan.called_function(at)) {
            return Err(refused(&what));
        }
    }
    Ok(())
}

fn refused(what: &str) -> Exception {
    let message = format!(
        "{what} is not available here: this server reaches neither files nor the network; run a \
         ClickHouse server for that"
    );
    Exception::new(Kind::AccessDenied, message)
}

struct Scan<'a> {
    text: &'a [u8],
    tokens: &'a [Token],
}

// === impl Scan ===

impl Scan<'_> {
    fn refusal(&self) -> Option<String> {
        let begins =
            |words: &[&'static str]| words.iter().copied().find(|word| self.is(self.at(0), word));
        if let Some(word) = begins(&["BACKUP", "RESTORE"]) {
            return Some(word.to_owned());
        }
        let defines = begins(&DEFINING).is_some();
        (0..self.tokens.len()).find_map(|at| {
            self.called_function(at).or_else(|| self.client_file(at)).or_else(|| {
                defines.then(|| self.engine(at).or_else(|| self.dictionary_source(at))).flatten()
            })
        })
    }

    fn at(&self, index: usize) -> Option<&Token> {
        self.tokens.get(index)
    }

    fn before(&self, index: usize) -> Option<&Token> {
        self.at(index.checked_sub(1)?)
    }

    fn is(&self, token: Option<&Token>, word: &str) -> bool {
        token.is_some_and(|token| token.is_word(self.text, word))
    }

    fn opens(&self, index: usize) -> bool {
        self.at(index).is_some_and(|token| token.is_symbol(b'('))
    }

    /// `name(` or `APPLY name`, unless the name is that of a table being written or made.
    fn called_function(&self, at: usize) -> Option<String> {
        let name = self.at(at)?.name(self.text)?;
        if !is_refused_function(&name) {
            return None;
        }
        let is_applied = self.is(self.before(at), "APPLY")
            || (at >= 2 && self.opens(at - 1) && self.is(self.at(at - 2), "APPLY"));
        let is_called = self.opens(at + 1) && !self.is_table(at);
        (is_applied || is_called).then(|| format!("The function '{name}'"))
    }

    /// Whether the name at `at` is that of a table being written or made. A table that is described may be a
    /// function that is called: `DESCRIBE TABLE url(…)`.
    fn is_table(&self, at: usize) -> bool {
        let before = self.before(at);
        let describes =
            |token: &Token| ["DESCRIBE", "DESC"].iter().any(|it| token.is_word(self.text, it));
        if self.tokens.iter().take(at).any(describes) {
            return false;
        }
        ["INTO", "TABLE", "EXISTS", "VIEW", "DICTIONARY"].iter().any(|word| self.is(before, word))
            || before.is_some_and(|token| token.is_symbol(b'.'))
    }

    /// `INTO OUTFILE '…'` and `FROM INFILE '…'`.
    fn client_file(&self, at: usize) -> Option<String> {
        let names_file = |preposition, word| {
            self.is(self.at(at), preposition)
                && self.is(self.at(at + 1), word)
                && self.at(at + 2).is_some_and(|token| token.kind == TokenKind::String)
        };
        if names_file("INTO", "OUTFILE") {
            Some("INTO OUTFILE".to_owned())
        } else if names_file("FROM", "INFILE") {
            Some("FROM INFILE".to_owned())
        } else {
            None
        }
    }

    /// `ENGINE = name` of a table or database.
    fn engine(&self, at: usize) -> Option<String> {
        if !self.is(self.at(at), "ENGINE") {
            return None;
        }
        let follows = self.at(at + 1)?;
        let named = if follows.is_symbol(b'=') { self.at(at + 2)? } else { follows };
        let name = named.name(self.text)?;
        let is_allowed = ENGINES.contains(&name.as_str())
            || (name.ends_with("mergetree") && !name.starts_with("replicated"));
        (!is_allowed).then(|| format!("The engine '{name}'"))
    }

    /// `SOURCE(name(…))` of a dictionary: only this engine's own tables.
    fn dictionary_source(&self, at: usize) -> Option<String> {
        let names_source = self.is(self.at(at), "SOURCE") && self.opens(at + 1);
        let defines_dictionary = (0..at.min(5)).any(|at| self.is(self.at(at), "DICTIONARY"));
        if !names_source || !defines_dictionary || self.is_table(at) {
            return None;
        }
        let name = self.at(at + 2)?.name(self.text)?;
        let within = |word| self.tokens.iter().skip(at).any(|token| token.is_word(self.text, word));
        match name.as_str() {
            "clickhouse" if within("HOST") || within("PORT") => {
                Some("A dictionary source on another host".to_owned())
            }
            "clickhouse" | "null" => None,
            _ => Some(format!("The dictionary source '{name}'")),
        }
    }
}

fn is_refused_function(name: &str) -> bool {
    FUNCTIONS.contains(&name) || FUNCTION_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// How many tokens [`Scan::called_function`] looks at.
const WINDOW: usize = 4;

/// Statements in which ENGINE and SOURCE name something to be made.
const DEFINING: [&str; 5] = ["CREATE", "ATTACH", "REPLACE", "ALTER", "EXPLAIN"];

/// Engines that keep what they hold in the data directory, in memory, or nowhere.
const ENGINES: [&str; 14] = [
    "atomic",
    "buffer",
    "dictionary",
    "generaterandom",
    "join",
    "log",
    "memory",
    "merge",
    "null",
    "set",
    "stripelog",
    "tinylog",
    "view",
    "windowview",
];

const FUNCTIONS: [&str; 29] = [
    "arrowflight",
    "arrowstream",
    "catboostevaluate",
    "cluster",
    "clusterallreplicas",
    "cosn",
    "eval",
    "executable",
    "file",
    "filecluster",
    "filesystem",
    "gcs",
    "hdfs",
    "hdfscluster",
    "jdbc",
    "mongodb",
    "mysql",
    "odbc",
    "oss",
    "postgresql",
    "python",
    "redis",
    "remote",
    "remotesecure",
    "s3",
    "sqlite",
    "url",
    "urlcluster",
    "ytsaurus",
];

const FUNCTION_PREFIXES: [&str; 6] =
    ["azureblobstorage", "deltalake", "hudi", "iceberg", "paimon", "s3cluster"];

#[cfg(test)]
mod tests;
