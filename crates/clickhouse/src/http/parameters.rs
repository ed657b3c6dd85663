//! The parameters of a request: what the interface itself means by them, and what is a setting.

use std::time::Duration;

use hyper::HeaderMap;

use crate::exception::{Exception, Kind};

/// The parameters of one request.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the interface")]
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// `query`: SQL, continued by the body.
    pub(crate) query: String,
    pub(crate) database: Option<String>,
    pub(crate) default_format: Option<String>,
    pub(crate) query_id: Option<String>,
    pub(crate) session: Option<Session>,
    /// `decompress=1`: the body comes in ClickHouse's block framing.
    pub(crate) decompress: bool,
    /// `compress=1`: the answer goes in ClickHouse's block framing.
    pub(crate) compress: bool,
    /// `enable_http_compression=1`: `Accept-Encoding` counts.
    pub(crate) http_compression: bool,
    pub(crate) wait_end_of_query: bool,
    /// How much of an answer is held before it streams.
    pub(crate) buffer_bytes: Option<usize>,
    /// Settings of this statement only.
    pub(crate) settings: Vec<(String, String)>,
    /// `param_name`: values for the places `{name:Type}`.
    pub(crate) bindings: Vec<(String, String)>,
    protocol_version: u32,
    user: Option<String>,
    password: Option<String>,
    session_id: Option<String>,
    session_timeout: Option<String>,
    session_check: bool,
}

/// A session that several requests share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) timeout: Duration,
    /// Whether the session must exist already.
    pub(crate) must_exist: bool,
}

// === impl Parameters ===

impl Parameters {
    /// Reads the URL's query part and the headers that stand for parameters.
    ///
    /// # Errors
    ///
    /// When a parameter has no valid value or names no setting that could exist.
    pub(crate) fn read(url_query: &str, headers: &HeaderMap) -> Result<Self, Exception> {
        let mut parameters = Self::default();
        for (header, name) in HEADERS {
            if let Some(value) = headers.get(header).and_then(|value| value.to_str().ok()) {
                parameters.take(name, value.to_owned())?;
            }
        }
        for (name, value) in form_urlencoded::parse(url_query.as_bytes()) {
            parameters.take(&name, value.into_owned())?;
        }
        Ok(parameters)
    }

    /// Takes one parameter; a later value replaces an earlier one.
    ///
    /// # Errors
    ///
    /// As [`Parameters::read`].
    pub(crate) fn take(&mut self, name: &str, value: String) -> Result<(), Exception> {
        match name {
            "query" => self.query.push_str(&value),
            "database" => self.database = non_empty(value),
            "default_format" => self.default_format = Some(format_name(value)?),
            "query_id" => self.query_id = Some(query_id(value)?),
            "session_id" => self.session_id = non_empty(value),
            "session_timeout" => self.session_timeout = Some(value),
            "session_check" => self.session_check = is_on(&value),
            "compress" => self.compress = is_on(&value),
            "decompress" => self.decompress = is_on(&value),
            "wait_end_of_query" => self.wait_end_of_query = is_on(&value),
            "buffer_size" => self.buffer_bytes = value.parse().ok(),
            "user" => self.user = Some(value),
            "password" => self.password = Some(value),
            "role" if value.is_empty() => {}
            "role" => {
                let message = "There are no roles in the embedded engine; leave `role` out";
                return Err(Exception::new(Kind::UnknownRole, message));
            }
            "client_protocol_version" => self.protocol_version = value.parse().unwrap_or_default(),
            "quota_key" | "stacktrace" | "close_session" => {}
            "enable_http_compression" => self.http_compression = is_on(&value),
            _ => match name.strip_prefix("param_") {
                Some(binding) => replace(&mut self.bindings, binding, value),
                None => replace(&mut self.settings, setting_name(name)?, value),
            },
        }
        Ok(())
    }

    /// Checks the credentials: the one user is `default`, without a password.
    ///
    /// # Errors
    ///
    /// `AUTHENTICATION_FAILED` for any other user or password.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<(), Exception> {
        let default = |value: Option<&str>, expected| value.is_none_or(|value| value == expected);
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        // `default:` and `:` in base 64; nothing else could pass, so nothing is decoded.
        let basic = header("authorization").and_then(|value| value.split_once(' '));
        let is_basic = match basic {
            Some((scheme, value)) => {
                scheme.eq_ignore_ascii_case("basic")
                    && matches!(value.trim(), "ZGVmYXVsdDo=" | "Og==")
            }
            None => header("authorization").is_none(),
        };
        let users = [self.user.as_deref(), header("x-clickhouse-user")];
        let passwords = [self.password.as_deref(), header("x-clickhouse-key")];
        if is_basic
            && users.into_iter().all(|user| default(user.filter(|u| !u.is_empty()), "default"))
            && passwords.into_iter().all(|password| default(password, ""))
        {
            return Ok(());
        }
        let message = "Authentication failed: the embedded engine has the one user `default` \
                       without a password, and listens on loopback only";
        Err(Exception::new(Kind::AuthenticationFailed, message))
    }

    /// Checks that a format is written as the client reads it.
    ///
    /// # Errors
    ///
    /// `NOT_IMPLEMENTED` for the Native format of newer protocol versions, whose blocks carry more
    /// than the engine's library writes and reads.
    pub(crate) fn check_protocol(&self, format: &str) -> Result<(), Exception> {
        if format.eq_ignore_ascii_case("native") && self.protocol_version >= EXTENDED_NATIVE {
            let message = format!(
                "The embedded engine has the Native format without client_protocol_version only; \
                 leave it out, or give one below {EXTENDED_NATIVE}"
            );
            return Err(Exception::new(Kind::NotImplemented, message));
        }
        Ok(())
    }

    /// Puts the session parameters together once all are read.
    ///
    /// # Errors
    ///
    /// `INVALID_SESSION_TIMEOUT` for a timeout that is no number or above an hour.
    pub(crate) fn finish_session(&mut self) -> Result<(), Exception> {
        let Some(id) = self.session_id.take() else {
            return Ok(());
        };
        let seconds = match self.session_timeout.as_deref() {
            None => DEFAULT_SESSION_SECONDS,
            Some(value) => value
                .parse()
                .ok()
                .filter(|seconds| (1..=MAX_SESSION_SECONDS).contains(seconds))
                .ok_or_else(|| {
                    let message = format!(
                        "Invalid session timeout: '{value}', give 1 to {MAX_SESSION_SECONDS} seconds"
                    );
                    Exception::new(Kind::InvalidSessionTimeout, message)
                })?,
        };
        let timeout = Duration::from_secs(seconds);
        self.session = Some(Session { id, timeout, must_exist: self.session_check });
        Ok(())
    }
}

fn replace(pairs: &mut Vec<(String, String)>, name: &str, value: String) {
    pairs.retain(|(known, _)| known != name);
    pairs.push((name.to_owned(), value));
}

/// Settings go into a SET statement by name, so a name is letters, digits and underscores.
fn setting_name(name: &str) -> Result<&str, Exception> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.is_empty() && name.len() <= 128 && name.chars().all(is_name) {
        Ok(name)
    } else {
        let shown: String = name.chars().take(128).filter(|c| !c.is_control()).collect();
        Err(Exception::new(Kind::UnknownSetting, format!("Unknown setting '{shown}'")))
    }
}

fn format_name(value: String) -> Result<String, Exception> {
    if !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric()) {
        Ok(value)
    } else {
        let message = "The format's name is letters and digits, such as JSONEachRow";
        Err(Exception::new(Kind::BadRequestParameter, message))
    }
}

/// It goes back in a header.
fn query_id(value: String) -> Result<String, Exception> {
    if value.len() <= 256 && value.chars().all(|c| c.is_ascii_graphic()) {
        Ok(value)
    } else {
        let message = "query_id takes up to 256 visible ASCII characters";
        Err(Exception::new(Kind::BadRequestParameter, message))
    }
}

fn non_empty(value: String) -> Option<String> {
    Some(value).filter(|value| !value.is_empty())
}

fn is_on(value: &str) -> bool {
    matches!(value, "1" | "true")
}

const HEADERS: [(&str, &str); 3] = [
    ("x-clickhouse-database", "database"),
    ("x-clickhouse-format", "default_format"),
    ("x-clickhouse-query-id", "query_id"),
];
/// From here on each column of a Native block tells how it is serialised.
const EXTENDED_NATIVE: u32 = 54_454;
const DEFAULT_SESSION_SECONDS: u64 = 60;
const MAX_SESSION_SECONDS: u64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Parameters, Exception> {
        Parameters::read(query, &HeaderMap::new())
    }

    #[test]
    fn the_interfaces_own_names_are_no_settings() {
        let parameters = read(
            "query=SELECT+1&database=d&max_threads=1&max_threads=2&param_a=%27&compress=1\
             &decompress=true&wait_end_of_query=0&buffer_size=7&query_id=q&quota_key=k&role=\
             &client_protocol_version=54460&default_format=CSV",
        )
        .expect("valid");
        assert_eq!(parameters.query, "SELECT 1");
        assert_eq!(parameters.database.as_deref(), Some("d"));
        assert_eq!(parameters.default_format.as_deref(), Some("CSV"));
        assert_eq!(parameters.settings, [("max_threads".to_owned(), "2".to_owned())]);
        assert_eq!(parameters.bindings, [("a".to_owned(), "'".to_owned())]);
        assert!(parameters.compress && parameters.decompress && !parameters.wait_end_of_query);
        assert_eq!(parameters.buffer_bytes, Some(7));
    }

    #[test]
    fn names_that_could_leave_a_set_statement_are_refused() {
        for query in ["a%20=1", "a'b=1", "a,b=1", "%E4=1", "=1"] {
            assert_eq!(read(query).expect_err(query).code, 115, "{query}");
        }
    }

    #[test]
    fn sessions_have_bounds() {
        let session = |query: &str| {
            let mut parameters = read(query).expect("valid");
            parameters.finish_session().map(|()| parameters.session)
        };
        let expected =
            Session { id: "s".to_owned(), timeout: Duration::from_mins(1), must_exist: true };
        assert_eq!(session("session_id=s&session_check=1"), Ok(Some(expected)));
        assert_eq!(session("session_timeout=5"), Ok(None));
        for timeout in ["0", "3601", "x", "-1"] {
            let refused = session(&format!("session_id=s&session_timeout={timeout}"));
            assert_eq!(refused.expect_err("out of bounds").code, 374);
        }
    }

    #[test]
    fn only_the_default_user_without_password_passes() {
        let passes = |query: &str, header: Option<(&'static str, &'static str)>| {
            let mut headers = HeaderMap::new();
            if let Some((name, value)) = header {
                headers.insert(name, value.parse().expect("a header"));
            }
            read(query).expect("valid").authenticate(&headers).is_ok()
        };
        assert!(passes("", None));
        assert!(passes("user=default&password=", None));
        assert!(passes("", Some(("x-clickhouse-user", "default"))));
        assert!(passes("", Some(("authorization", "Basic ZGVmYXVsdDo="))));
        assert!(!passes("user=root", None));
        assert!(!passes("password=x", None));
        assert!(!passes("", Some(("x-clickhouse-key", "x"))));
        assert!(!passes("", Some(("authorization", "Basic cm9vdDo="))));
        assert!(!passes("", Some(("authorization", "Bearer x"))));
    }
}
