//! What a request asks the engine to do.

use bytes::Bytes;

use crate::exception::Exception;
use crate::sql::guard;
use crate::sql::statement::{Insert, Query, Statement};

/// A statement and the data that came with it.
#[derive(Debug)]
pub(crate) enum Work {
    Insert { insert: Insert, data: Bytes },
    Query(Query),
}

// === impl Work ===

impl Work {
    /// The statement stands in the URL, in the body, or begins in one and goes on in the other.
    ///
    /// # Errors
    ///
    /// When it is no single statement, or the guard refuses it.
    pub(crate) fn read(url: &str, body: Bytes) -> Result<Self, Exception> {
        if url.is_empty() {
            return Self::parse(&body);
        }
        // The data of an INSERT is usually the whole body, which then need not be copied.
        if let Ok(Statement::Insert(insert)) = Statement::parse(url.as_bytes())
            && insert.format.is_some()
            && insert.data_start >= url.len()
        {
            return Self::insert(insert, body);
        }
        let mut text = url.as_bytes().to_vec();
        if !body.is_empty() {
            text.push(b'\n');
            text.extend_from_slice(&body);
        }
        Self::parse(&text.into())
    }

    /// The format that the statement names for its answer.
    pub(crate) fn answer_format(&self) -> Option<&str> {
        match self {
            Self::Insert { .. } => None,
            Self::Query(query) => query.format.as_deref(),
        }
    }

    /// The format of the data that came with the statement.
    pub(crate) fn data_format(&self) -> Option<&str> {
        match self {
            Self::Insert { insert, .. } => insert.format.as_deref(),
            Self::Query(_) => None,
        }
    }

    fn parse(text: &Bytes) -> Result<Self, Exception> {
        match Statement::parse(text)? {
            Statement::Query(query) => Ok(Self::Query(query)),
            Statement::Insert(insert) => {
                let data = text.slice(insert.data_start.min(text.len())..);
                Self::insert(insert, data)
            }
        }
    }

    /// The rows of VALUES are expressions, so what they call counts as much as in the statement.
    fn insert(insert: Insert, data: Bytes) -> Result<Self, Exception> {
        if insert.format.as_deref().is_none_or(|format| format.eq_ignore_ascii_case("values")) {
            guard::check_values(&data)?;
        }
        Ok(Self::Insert { insert, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str, body: &'static str) -> (String, Option<String>) {
        match Work::read(url, Bytes::from_static(body.as_bytes())).expect("is fine") {
            Work::Insert { insert, data } => {
                (insert.head, Some(String::from_utf8_lossy(&data).into_owned()))
            }
            Work::Query(query) => (query.text, None),
        }
    }

    #[test]
    fn url_and_body_make_one_statement() {
        let insert = |head: &str, data: &str| (head.to_owned(), Some(data.to_owned()));
        assert_eq!(read("", "SELECT 1"), ("SELECT 1".to_owned(), None));
        assert_eq!(read("SELECT", "1"), ("SELECT\n1".to_owned(), None));
        assert_eq!(read("INSERT INTO t FORMAT CSV", "1"), insert("INSERT INTO t ", "1"));
        assert_eq!(
            read("INSERT INTO t VALUES (1),", "(2)"),
            insert("INSERT INTO t ", " (1),\n(2)")
        );
        assert_eq!(read("INSERT INTO t", "VALUES (1)"), insert("INSERT INTO t\n", " (1)"));
        assert_eq!(read("", "INSERT INTO t FORMAT CSV\n1"), insert("INSERT INTO t ", "1"));
    }

    #[test]
    fn expressions_in_values_are_checked() {
        for (url, body) in [
            ("", "INSERT INTO t VALUES (1, file('/etc/passwd'))"),
            ("INSERT INTO t FORMAT Values", "(1), (lower(`file` ('/etc/passwd')))"),
        ] {
            let refused = Work::read(url, Bytes::from_static(body.as_bytes()));
            assert_eq!(refused.expect_err(body).code, 497);
        }
        read("INSERT INTO t VALUES", "('file(1)'), (path('url(2)'))");
    }
}
