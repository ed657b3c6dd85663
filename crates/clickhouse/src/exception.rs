//! An error as ClickHouse words it: code, message, name, and the HTTP status that goes with it.
//!
//! The engine's library nests and decorates its texts differently from the server's HTTP interface;
//! clients parse the server's form, so every text is brought into it.

use std::fmt;

use hyper::StatusCode;

/// A ClickHouse exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    /// ClickHouse's number for the kind of error.
    pub(crate) code: u32,
    name: String,
    message: String,
}

/// The kinds of error that this server itself raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    AccessDenied,
    AuthenticationFailed,
    BadRequestParameter,
    CannotDecompress,
    ChecksumDoesntMatch,
    InvalidSessionTimeout,
    MemoryLimitExceeded,
    NotImplemented,
    QueryIsTooLarge,
    Readonly,
    SessionIsLocked,
    SessionNotFound,
    SyntaxError,
    TimeoutExceeded,
    TooManySimultaneousQueries,
    UnexpectedEndOfFile,
    UnknownCompressionMethod,
    UnknownException,
    UnknownRole,
    UnknownSetting,
}

// === impl Exception ===

impl Exception {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        let (code, name) = kind.code_and_name();
        Self { code, name: name.to_owned(), message: message.into() }
    }

    /// Reads the engine's text: `Code: N. DB::Exception: …. (NAME) (version V)`, possibly nested.
    pub(crate) fn from_engine(text: &str) -> Self {
        let Some((code, mut message)) = split_code(text) else {
            return Self::new(Kind::UnknownException, text.trim());
        };
        let mut name = "";
        loop {
            message = strip_version(message.trim());
            if let Some((rest, found)) = split_name(message) {
                message = rest;
                name = found;
            }
            match split_code(message) {
                Some((inner, rest)) if inner == code => message = rest,
                _ => break,
            }
        }
        Self { code, name: name.to_owned(), message: message.trim_end().to_owned() }
    }

    /// The text that goes on the wire, without a line end.
    pub(crate) fn render(&self, version: &str) -> String {
        format!("{self} (version {version} (official build))")
    }

    /// The status that ClickHouse's HTTP handler answers with.
    pub(crate) fn status(&self) -> StatusCode {
        match self.code {
            194 => StatusCode::UNAUTHORIZED,
            192 | 193 | 497 | 512 | 516 => StatusCode::FORBIDDEN,
            6
            | 8
            | 15
            | 25..=27
            | 36..=38
            | 41
            | 44
            | 53
            | 62
            | 72
            | 117
            | 123
            | 167
            | 168
            | 223
            | 321
            | 376
            | 427
            | 441
            | 675
            | 676 => StatusCode::BAD_REQUEST,
            46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 152 | 336 | 511 => {
                StatusCode::NOT_FOUND
            }
            229 => StatusCode::PAYLOAD_TOO_LARGE,
            48 => StatusCode::NOT_IMPLEMENTED,
            76 | 209 | 439 => StatusCode::SERVICE_UNAVAILABLE,
            381 => StatusCode::LENGTH_REQUIRED,
            159 => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stop = if self.message.ends_with(['.', '!', '?']) { "" } else { "." };
        write!(f, "Code: {}. DB::Exception: {}{stop}", self.code, self.message)?;
        if self.name.is_empty() { Ok(()) } else { write!(f, " ({})", self.name) }
    }
}

// === impl Kind ===

impl Kind {
    fn code_and_name(self) -> (u32, &'static str) {
        match self {
            Self::AccessDenied => (497, "ACCESS_DENIED"),
            Self::AuthenticationFailed => (516, "AUTHENTICATION_FAILED"),
            Self::BadRequestParameter => (408, "BAD_REQUEST_PARAMETER"),
            Self::CannotDecompress => (271, "CANNOT_DECOMPRESS"),
            Self::ChecksumDoesntMatch => (40, "CHECKSUM_DOESNT_MATCH"),
            Self::InvalidSessionTimeout => (374, "INVALID_SESSION_TIMEOUT"),
            Self::MemoryLimitExceeded => (241, "MEMORY_LIMIT_EXCEEDED"),
            Self::NotImplemented => (48, "NOT_IMPLEMENTED"),
            Self::QueryIsTooLarge => (229, "QUERY_IS_TOO_LARGE"),
            Self::Readonly => (164, "READONLY"),
            Self::SessionIsLocked => (373, "SESSION_IS_LOCKED"),
            Self::SessionNotFound => (372, "SESSION_NOT_FOUND"),
            Self::SyntaxError => (62, "SYNTAX_ERROR"),
            Self::TimeoutExceeded => (159, "TIMEOUT_EXCEEDED"),
            Self::TooManySimultaneousQueries => (202, "TOO_MANY_SIMULTANEOUS_QUERIES"),
            Self::UnexpectedEndOfFile => (3, "UNEXPECTED_END_OF_FILE"),
            Self::UnknownCompressionMethod => (89, "UNKNOWN_COMPRESSION_METHOD"),
            Self::UnknownException => (1002, "UNKNOWN_EXCEPTION"),
            Self::UnknownRole => (511, "UNKNOWN_ROLE"),
            Self::UnknownSetting => (115, "UNKNOWN_SETTING"),
        }
    }
}

fn split_code(text: &str) -> Option<(u32, &str)> {
    let (code, rest) = text.trim_start().strip_prefix("Code: ")?.split_once(". ")?;
    Some((code.parse().ok()?, rest.strip_prefix("DB::Exception: ").unwrap_or(rest)))
}

/// Drops a trailing ` (version …)` and the full stop that nesting leaves behind it.
fn strip_version(text: &str) -> &str {
    let bare = text.strip_suffix('.').unwrap_or(text);
    match bare.rsplit_once(" (version ") {
        Some((rest, version)) if version.ends_with(')') && !version.contains('\n') => rest,
        _ => text,
    }
}

/// Splits a trailing ` (NAME)` off.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let (rest, name) = text.strip_suffix(')')?.rsplit_once('(')?;
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    (!name.is_empty() && name.chars().all(is_name)).then_some((rest.trim_end(), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_texts_take_the_servers_form() {
        let cases = [
            (
                "Code: 60. DB::Exception: Table default.t does not exist. (UNKNOWN_TABLE)",
                "Code: 60. DB::Exception: Table default.t does not exist. (UNKNOWN_TABLE)",
            ),
            (
                "Code: 115. DB::Exception: Code: 115. DB::Exception: Unknown setting 'nosuch'. \
                 (UNKNOWN_SETTING) (version 26.7.2.1). (UNKNOWN_SETTING)",
                "Code: 115. DB::Exception: Unknown setting 'nosuch'. (UNKNOWN_SETTING)",
            ),
            (
                "Code: 395. DB::Exception: boom: while executing 'f(a) UInt8 : 1'. (FUNCTION_T) ",
                "Code: 395. DB::Exception: boom: while executing 'f(a) UInt8 : 1'. (FUNCTION_T)",
            ),
            (
                "Code: 434. DB::Exception: Code: 434. DB::Exception: Code: 434. DB::Exception: no. \
                 (X) (version 26.7.2.1). (X) (version 26.7.2.1). (X)",
                "Code: 434. DB::Exception: no. (X)",
            ),
            ("broken", "Code: 1002. DB::Exception: broken. (UNKNOWN_EXCEPTION)"),
        ];
        for (engine, server) in cases {
            assert_eq!(Exception::from_engine(engine).to_string(), server);
        }
    }

    #[test]
    fn the_version_comes_last() {
        let exception = Exception::new(Kind::SyntaxError, "no");
        assert_eq!(
            exception.render("26.7.2.1"),
            "Code: 62. DB::Exception: no. (SYNTAX_ERROR) (version 26.7.2.1 (official build))"
        );
    }

    #[test]
    fn statuses_follow_the_servers_table() {
        let status = |code: u32| {
            Exception::from_engine(&format!("Code: {code}. DB::Exception: x. (X)")).status()
        };
        let cases = [
            (62, 400),
            (117, 400),
            (36, 400),
            (60, 404),
            (81, 404),
            (115, 404),
            (194, 401),
            (516, 403),
            (497, 403),
            (164, 500),
            (202, 500),
            (159, 408),
            (48, 501),
            (229, 413),
            (241, 500),
            (373, 500),
        ];
        for (code, expected) in cases {
            assert_eq!(status(code).as_u16(), expected, "code {code}");
        }
    }
}
