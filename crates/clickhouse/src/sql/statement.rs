//! Reads from a statement what the C interface wants to be told apart.
//!
//! The engine's library takes an INSERT as head, format and data, and mis-parses binary data that
//! stands inside the SQL; so the head is walked here as ClickHouse's own grammar does it:
//! `INSERT INTO [TABLE] name | FUNCTION f(…) [(columns)] [SETTINGS …] VALUES | FORMAT name  data`.

use super::lexer::{Lexer, Token, TokenKind};
use crate::exception::{Exception, Kind};

/// A statement, ready for the engine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// An INSERT with data apart.
    Insert(Insert),
    /// Anything else, whole.
    Query(Query),
}

/// An INSERT and where its data begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Insert {
    /// The statement up to its FORMAT or VALUES.
    pub(crate) head: String,
    /// The format of the data; none if the statement names none.
    pub(crate) format: Option<String>,
    /// Offset of the first byte of data in the text.
    pub(crate) data_start: usize,
}

/// A statement that brings no data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) text: String,
    /// Whether the engine can hand its rows out block by block.
    pub(crate) streams: bool,
    /// The format named by a FORMAT clause.
    pub(crate) format: Option<String>,
}

// === impl Statement ===

impl Statement {
    /// Splits `text` and hands every token of its SQL part to the guard.
    ///
    /// # Errors
    ///
    /// When the text is empty, too long, not UTF-8, or more than one statement, or when the guard
    /// refuses it.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Exception> {
        let tokens = sql_tokens(text)?;
        super::guard::check(text, &tokens)?;
        match insert(text, &tokens)? {
            Some(insert) => Ok(Self::Insert(insert)),
            None => query(text, &tokens).map(Self::Query),
        }
    }
}

/// The tokens of the SQL part: all of them, or those up to the data of an INSERT.
fn sql_tokens(text: &[u8]) -> Result<Vec<Token>, Exception> {
    let mut tokens = Vec::new();
    let mut is_insert = false;
    for token in Lexer::new(text) {
        if token.start > MAX_SQL_BYTES {
            let message = format!(
                "Max query size exceeded: this server takes {MAX_SQL_BYTES} bytes of SQL; send \
                 data with an INSERT"
            );
            return Err(Exception::new(Kind::SyntaxError, message));
        }
        tokens.push(token);
        is_insert |= tokens.len() == 1 && token.is_word(text, "INSERT");
        if is_insert && data_follows(text, &tokens) {
            break;
        }
    }
    if tokens.is_empty() {
        return Err(Exception::new(Kind::SyntaxError, "Empty query"));
    }
    Ok(tokens)
}

/// Whether the tokens so far are an INSERT up to and including `VALUES` or `FORMAT name`.
fn data_follows(text: &[u8], tokens: &[Token]) -> bool {
    matches!(Head::walk(text, tokens), Head::Values(_) | Head::Format(..))
}

fn insert(text: &[u8], tokens: &[Token]) -> Result<Option<Insert>, Exception> {
    let (head_end, format, data_start) = match Head::walk(text, tokens) {
        Head::Other => return Ok(None),
        Head::Bare => {
            let end = text.len();
            (end, None, end)
        }
        Head::Values(token) => (token.start, Some("Values".to_owned()), token.end),
        Head::Format(keyword, name) => {
            let format = String::from_utf8_lossy(name.bytes(text)).into_owned();
            (keyword.start, Some(format), after_format(text, name.end)?)
        }
    };
    let head = utf8(text.get(..head_end).unwrap_or_default())?.to_owned();
    Ok(Some(Insert { head, format, data_start }))
}

/// Data begins after blanks and at most one line end behind the format's name.
fn after_format(text: &[u8], name_end: usize) -> Result<usize, Exception> {
    let rest = text.get(name_end..).unwrap_or_default();
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | 0x0c)).count();
    let line_end = match rest.get(blanks..).unwrap_or_default() {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        [b';', ..] => {
            let message = "You have excessive ';' symbol before data for INSERT";
            return Err(Exception::new(Kind::SyntaxError, message));
        }
        _ => 0,
    };
    Ok(name_end + blanks + line_end)
}

fn query(text: &[u8], tokens: &[Token]) -> Result<Query, Exception> {
    let end = tokens
        .iter()
        .rposition(|token| !token.is_symbol(b';'))
        .and_then(|last| tokens.get(last))
        .map_or(0, |token| token.end);
    let body: Vec<_> = tokens.iter().filter(|token| token.end <= end).collect();
    if reads_input(text, &body) {
        let message = "INSERT … SELECT … FROM input() is not served by the embedded engine: send \
                       the data with INSERT … FORMAT";
        return Err(Exception::new(Kind::NotImplemented, message));
    }
    if body.iter().any(|token| token.is_symbol(b';')) {
        return Err(Exception::new(Kind::SyntaxError, "Multi-statements are not allowed"));
    }
    let Some(first) = body.iter().find(|token| !token.is_symbol(b'(')) else {
        return Err(Exception::new(Kind::SyntaxError, "Empty query"));
    };
    let streams = is_any(text, first, &["SELECT", "WITH"])
        && !body.iter().any(|token| is_any(text, token, &AT_THE_END));
    Ok(Query {
        text: utf8(text.get(..end).unwrap_or_default())?.to_owned(),
        streams,
        format: output_format(text, &body),
    })
}

/// Data behind an INSERT … SELECT would be taken for SQL.
fn reads_input(text: &[u8], tokens: &[&Token]) -> bool {
    tokens.first().is_some_and(|first| first.is_word(text, "INSERT"))
        && tokens.windows(2).any(|pair| {
            matches!(pair, [name, open] if name.is_word(text, "INPUT") && open.is_symbol(b'('))
        })
}

/// The last `FORMAT name` outside all parentheses.
fn output_format(text: &[u8], tokens: &[&Token]) -> Option<String> {
    let mut depth = 0_u32;
    let mut format = None;
    for pair in tokens.windows(2) {
        let [token, next] = pair else { continue };
        match token.kind {
            TokenKind::Symbol(b'(' | b'[' | b'{') => depth += 1,
            TokenKind::Symbol(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            _ if depth == 0 && token.is_word(text, "FORMAT") && next.kind == TokenKind::Word => {
                format = Some(String::from_utf8_lossy(next.bytes(text)).into_owned());
            }
            _ => {}
        }
    }
    format
}

fn utf8(bytes: &[u8]) -> Result<&str, Exception> {
    std::str::from_utf8(bytes).map_err(|_| {
        let message = "The statement is not UTF-8; send binary data in the body of an INSERT … \
                       FORMAT and the statement in the URL";
        Exception::new(Kind::SyntaxError, message)
    })
}

/// Where the walk through an INSERT's head ended.
enum Head {
    /// Neither data nor SELECT followed.
    Bare,
    /// `FORMAT` and the format's name.
    Format(Token, Token),
    /// No INSERT, or one that brings its rows by SELECT or from a file.
    Other,
    /// `VALUES`.
    Values(Token),
}

// === impl Head ===

impl Head {
    fn walk(text: &[u8], tokens: &[Token]) -> Self {
        let mut rest = tokens.iter();
        if !rest.next().is_some_and(|token| token.is_word(text, "INSERT")) {
            return Self::Other;
        }
        let target = skip_target(text, tokens);
        let mut depth = 0_u32;
        let mut tokens = tokens.iter().skip(target).peekable();
        while let Some(token) = tokens.next() {
            match token.kind {
                TokenKind::Symbol(b'(' | b'[' | b'{') => depth += 1,
                TokenKind::Symbol(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
                TokenKind::Word if is_any(text, token, &["SELECT", "WITH", "FROM"]) => {
                    return Self::Other;
                }
                TokenKind::Word if depth == 0 && token.is_word(text, "VALUES") => {
                    return Self::Values(*token);
                }
                TokenKind::Word if depth == 0 && token.is_word(text, "FORMAT") => {
                    return match tokens.peek() {
                        Some(name) if name.kind == TokenKind::Word => Self::Format(*token, **name),
                        _ => Self::Bare,
                    };
                }
                _ => {}
            }
        }
        Self::Bare
    }
}

/// How many tokens `INSERT INTO [TABLE] [FUNCTION] name[.name]` takes, so that a table may be
/// called `values` or `format`.
fn skip_target(text: &[u8], tokens: &[Token]) -> usize {
    let mut at = 1;
    for keyword in ["INTO", "TABLE", "FUNCTION"] {
        at += usize::from(tokens.get(at).is_some_and(|token| token.is_word(text, keyword)));
    }
    at += 1;
    if tokens.get(at).is_some_and(|token| token.is_symbol(b'.')) {
        at += 2;
    }
    at
}

fn is_any(text: &[u8], token: &Token, words: &[&str]) -> bool {
    words.iter().any(|word| token.is_word(text, word))
}

/// What adds to the end of an answer, so that its blocks cannot simply follow one another.
const AT_THE_END: [&str; 3] = ["EXTREMES", "OUTPUT_FORMAT_JSON_ARRAY_OF_ROWS", "TOTALS"];

/// Above ClickHouse's own default of 256 KiB, so that `max_query_size` decides.
const MAX_SQL_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests;
