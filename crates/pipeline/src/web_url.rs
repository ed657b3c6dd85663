//! Addresses of pages, as beacons write them. Most are written as the URL standard would write them, and are
//! taken apart where they lie; the others are read by the `url` crate, which makes a text of its own.
//!
//! Which of the two it was does not show: both give the same parts.

use url::{Position, Url};

/// An address of a page: of the web, or with any other scheme.
pub(crate) enum WebUrl<'a> {
    /// As it is written.
    Written(Written<'a>),
    /// As the standard reads it.
    Read(Url),
}

/// `http` or `https`, a domain, no port, and signs that need no escape.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a> {
    scheme: &'a str,
    host: &'a str,
    /// All before the path.
    origin: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

// === impl WebUrl ===

impl<'a> WebUrl<'a> {
    /// Reads an address; `None` when it is none.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if let Some(written) = Written::parse(text) {
            return Some(Self::Written(written));
        }
        Url::parse(text).ok().map(Self::Read)
    }

    pub(crate) fn scheme(&self) -> &str {
        match self {
            Self::Written(written) => written.scheme,
            Self::Read(url) => url.scheme(),
        }
    }

    /// Whether it is an address of the web.
    pub(crate) fn is_web(&self) -> bool {
        matches!(self.scheme(), "http" | "https")
    }

    /// A domain, or an address of a network in the standard's form.
    pub(crate) fn host(&self) -> Option<&str> {
        match self {
            Self::Written(written) => Some(written.host),
            Self::Read(url) => url.host_str(),
        }
    }

    /// The host when it is a name.
    pub(crate) fn domain(&self) -> Option<&str> {
        match self {
            Self::Written(written) => Some(written.host),
            Self::Read(url) => url.domain(),
        }
    }

    /// The port when it is not the scheme's own.
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Self::Written(_) => None,
            Self::Read(url) => url.port(),
        }
    }

    /// All before the path.
    pub(crate) fn origin(&self) -> &str {
        match self {
            Self::Written(written) => written.origin,
            Self::Read(url) => &url[..Position::BeforePath],
        }
    }

    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Written(written) => written.path,
            Self::Read(url) => url.path(),
        }
    }

    /// What follows the question mark.
    pub(crate) fn query(&self) -> Option<&str> {
        match self {
            Self::Written(written) => written.query,
            Self::Read(url) => url.query(),
        }
    }
}

// === impl Written ===

impl<'a> Written<'a> {
    /// Takes an address apart; `None` when the standard may write it in another way, or when it is none.
    fn parse(text: &'a str) -> Option<Self> {
        let scheme = if text.starts_with("https://") { "https" } else { "http" };
        let rest = text.strip_prefix(scheme)?.strip_prefix("://")?;
        let (host, rest) = split(rest, OF_HOST);
        let (path, rest) = split(rest, OF_PATH);
        if !is_plain_host(host.as_bytes()) || !is_plain_path(path.as_bytes()) {
            return None;
        }
        let (query, rest) = match rest.strip_prefix('?') {
            Some(rest) => {
                let (query, rest) = split(rest, OF_QUERY);
                (Some(query), rest)
            }
            None => (None, rest),
        };
        // A fragment is no part of what is asked for.
        if !(rest.is_empty() || rest.starts_with('#')) {
            return None;
        }
        let origin = text.get(..scheme.len() + "://".len() + host.len())?;
        Some(Self { scheme, host, origin, path, query })
    }
}

/// What a byte stands for itself in: bits.
static PLACES: [u8; 256] = places();
const OF_HOST: u8 = 1;
const OF_PATH: u8 = 2;
const OF_QUERY: u8 = 4;

#[expect(clippy::indexing_slicing, reason = "by the compiler, of 256")]
const fn places() -> [u8; 256] {
    let mut places = [0; 256];
    let mut c: u8 = 0;
    while c < 128 {
        let is_of_host = matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
        let is_of_path = c.is_ascii_alphanumeric()
            || matches!(c, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'(' | b')' | b'*')
            || matches!(c, b'+' | b',' | b'/' | b':' | b';' | b'=' | b'@' | b'%');
        places[c as usize] = OF_HOST * is_of_host as u8
            + OF_PATH * is_of_path as u8
            + OF_QUERY * (is_of_path || c == b'?') as u8;
        c += 1;
    }
    places
}

/// The text before the first byte that has no such place, and from there on.
fn split(text: &str, place: u8) -> (&str, &str) {
    let has_place = |c: u8| PLACES.get(usize::from(c)).is_some_and(|places| places & place != 0);
    let at = text.bytes().position(|c| !has_place(c)).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// Names between dots, of which the last is no number, and none has two dashes, as those in Punycode have, which
/// may be spelled wrong.
fn is_plain_host(host: &[u8]) -> bool {
    let (mut before, mut last) = (b'.', 0);
    for c in host.iter().copied() {
        if matches!((before, c), (b'.', b'.') | (b'-', b'-')) {
            return false;
        }
        if before == b'.' {
            last = c;
        }
        before = c;
    }
    before != b'.' && last.is_ascii_lowercase()
}

/// From a slash on, without steps that lead back, whichever way they are written.
fn is_plain_path(path: &[u8]) -> bool {
    let mut before = 0;
    for c in path.iter().copied() {
        if before == b'/' && matches!(c, b'.' | b'%') {
            return false;
        }
        before = c;
    }
    path.starts_with(b"/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Holds that an address is read as the standard reads it; says whether it was taken as it is written.
    fn is_taken_as_written(text: &str) -> bool {
        let read = WebUrl::parse(text);
        let Ok(url) = Url::parse(text) else {
            assert!(read.is_none(), "{text}");
            return false;
        };
        let read = read.unwrap();
        let parts = (read.scheme(), read.host(), read.domain(), read.port(), read.origin());
        let want = (url.scheme(), url.host_str(), url.domain(), url.port());
        assert_eq!(parts, (want.0, want.1, want.2, want.3, &url[..Position::BeforePath]), "{text}");
        assert_eq!((read.path(), read.query()), (url.path(), url.query()), "{text}");
        matches!(read, WebUrl::Written(_))
    }

    #[test]
    fn what_is_usual_is_taken_as_it_is_written() {
        let usual = [
            "https://www.example.fi/",
            "http://localhost/articles/42/a-title?page=3&utm_source=news",
            "https://a.example/%C3%A4iti/x%20y?q=%C3%A4+b#top",
            "https://a.example/t%C3%A4ysi/a.b/c..d?",
            "https://a-b.c0.example//@jane/x;y=1,2:(3)*!$?a?b#c d",
        ];
        for text in usual {
            assert_eq!(is_taken_as_written(text), !text.contains("/%"), "{text}");
        }
    }

    #[test]
    fn what_the_standard_writes_otherwise_is_read() {
        let others = [
            "",
            "demo",
            "/a",
            "https://",
            "https:///a",
            "https://a.example",
            "https://a.example?b",
            "HTTPS://a.example/",
            "https://A.example/",
            "https://a.example:443/",
            "https://a.example:8080/",
            "https://jane@a.example/",
            "https://1.2.3.4/",
            "https://0x7f.1/",
            "https://a.1/",
            "https://[::1]/",
            "https://a.example./",
            "https://a..example/",
            "https://.a/",
            "https://xn--a/",
            "https://xn--4ca.fi/",
            "https://ä.fi/",
            "https://a.example/ä",
            "https://a.example/a/../b",
            "https://a.example/a/./b",
            "https://a.example/%2e%2E/b",
            "https://a.example/.%2e/b",
            "https://a.example/a\\b",
            "https://a.example/a b",
            "https://a.example/a\tb",
            " https://a.example/",
            "https://a.example/ ",
            "https://a.example/?'",
            "https://a.example/?a b",
            "https:/a.example/",
            "https:a.example/",
            "android-app://com.example/a",
            "mailto:a@a.example",
            "https://a%62.example/",
            "https://a_b.example/",
        ];
        for text in others {
            assert!(!is_taken_as_written(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn both_ways_give_the_same_parts(
            scheme in "(https|http|HTTP|ftp|file)(://|:/|:)", host in "([a-z0-9A-Z.-]|xn--|ä|%41|[0-9]){0,12}",
            rest in "([:][0-9]{0,5})?([/?#]([a-z.%/\\\\'\"{}|^` \t@:&=+ä<>\\[\\]]|%2[eEfF]|%[0-9a-f]{2}){0,20}){0,3}",
        ) {
            is_taken_as_written(&format!("{scheme}{host}{rest}"));
        }

        #[test]
        fn any_text_is_read_as_the_standard_reads_it(text in ".{0,40}") {
            is_taken_as_written(&text);
            is_taken_as_written(&format!("https://a.example/{text}"));
        }
    }
}
