//! ClickHouse's output formats: their content types, and which of them can be streamed.
//!
//! The engine hands every block of a stream out as a document of its own. Documents of a format
//! without head and foot simply follow one another; where there is only a head, it is dropped from
//! all blocks but the first; all other formats (JSON, Parquet …) are made whole.

use std::ops::Range;

/// The `Content-Type` that the server gives a format.
pub(crate) fn content_type(format: &str) -> &'static str {
    let name = format.to_ascii_lowercase();
    match name.as_str() {
        _ if name.starts_with("tabseparated") || name.starts_with("tsv") => {
            "text/tab-separated-values; charset=UTF-8"
        }
        _ if name.starts_with("csvwithnames") => "text/csv; charset=UTF-8; header=present",
        _ if name.starts_with("csv") => "text/csv; charset=UTF-8; header=absent",
        _ if name.starts_with("json") && name.contains("eachrow") => {
            "application/x-ndjson; charset=UTF-8"
        }
        _ if name.starts_with("json") => "application/json; charset=UTF-8",
        _ if name.starts_with("pretty") => "text/plain; charset=UTF-8",
        "ndjson" => "application/x-ndjson; charset=UTF-8",
        "xml" => "application/xml; charset=UTF-8",
        "markdown" => "text/markdown; charset=UTF-8",
        "native"
        | "rowbinary"
        | "rowbinarywithnames"
        | "rowbinarywithnamesandtypes"
        | "parquet"
        | "arrow"
        | "arrowstream"
        | "orc"
        | "avro"
        | "msgpack"
        | "bsoneachrow"
        | "protobuf"
        | "protobufsingle"
        | "protobuflist"
        | "capnproto"
        | "npy"
        | "rawblob" => "application/octet-stream",
        _ => "text/plain; charset=UTF-8",
    }
}

/// How the blocks of a stream become one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocks {
    /// They follow one another.
    Plain,
    /// Each begins with this many lines of names and types.
    Lines(usize),
    /// As lines, but quotes may hide line ends.
    Records(usize),
    /// Each begins with a count and this many lists of strings.
    Strings(usize),
}

// === impl Blocks ===

impl Blocks {
    /// How this format streams, if it does.
    pub(crate) fn of(format: &str) -> Option<Self> {
        let name = format.to_ascii_lowercase();
        let (base, lists) = match name.strip_suffix("withnamesandtypes") {
            Some(base) => (base, 2),
            None => name.strip_suffix("withnames").map_or((name.as_str(), 0), |base| (base, 1)),
        };
        let is_known = PLAIN.contains(&base);
        match (base, lists) {
            _ if !is_known => None,
            (_, 0) => Some(Self::Plain),
            ("rowbinary", lists) => Some(Self::Strings(lists)),
            ("csv", records) => Some(Self::Records(records)),
            ("tabseparated" | "tsv", lines) => Some(Self::Lines(lines)),
            (base, lines) if base.starts_with("jsoncompact") => Some(Self::Lines(lines)),
            _ => None,
        }
    }

    /// The part of a block that is not the head; none if the block has no whole head.
    pub(crate) fn without_head(self, block: &[u8]) -> Option<Range<usize>> {
        let start = match self {
            Self::Plain => 0,
            Self::Lines(lines) => lines_end(block, lines, false)?,
            Self::Records(records) => lines_end(block, records, true)?,
            Self::Strings(lists) => strings_end(block, lists)?,
        };
        Some(start..block.len())
    }
}

fn lines_end(block: &[u8], lines: usize, quotes: bool) -> Option<usize> {
    let mut is_quoted = false;
    let mut ends = block.iter().enumerate().filter(|(_, byte)| {
        is_quoted ^= quotes && **byte == b'"';
        **byte == b'\n' && !is_quoted
    });
    ends.nth(lines.checked_sub(1)?).map(|(at, _)| at + 1)
}

fn strings_end(block: &[u8], lists: usize) -> Option<usize> {
    let (count, mut at) = number(block, 0)?;
    for _ in 0..count.checked_mul(lists)? {
        let (length, start) = number(block, at)?;
        at = start.checked_add(length).filter(|end| *end <= block.len())?;
    }
    Some(at)
}

/// A LEB128 number and where it ends.
fn number(block: &[u8], start: usize) -> Option<(usize, usize)> {
    let mut value = 0;
    for (shift, byte) in (0..5).zip(block.get(start..)?) {
        value |= usize::from(byte & 0x7f) << (7 * shift);
        if byte & 0x80 == 0 {
            return Some((value, start + shift + 1));
        }
    }
    None
}

/// Formats without head and foot, when nothing is appended to their names.
const PLAIN: [&str; 14] = [
    "csv",
    "jsoncompacteachrow",
    "jsoncompactstringseachrow",
    "jsoneachrow",
    "jsonlines",
    "jsonstringseachrow",
    "msgpack",
    "native",
    "ndjson",
    "rowbinary",
    "tabseparated",
    "tabseparatedraw",
    "tsv",
    "tsvraw",
];

/// The format of answers when neither the statement nor the request names one.
pub(crate) const DEFAULT: &str = "TabSeparated";

#[cfg(test)]
mod tests {
    use super::{Blocks, content_type};

    #[test]
    fn only_formats_without_foot_stream() {
        for (format, blocks) in [
            ("TabSeparated", Some(Blocks::Plain)),
            ("Native", Some(Blocks::Plain)),
            ("CSVWithNames", Some(Blocks::Records(1))),
            ("JSONCompactEachRowWithNamesAndTypes", Some(Blocks::Lines(2))),
            ("RowBinaryWithNamesAndTypes", Some(Blocks::Strings(2))),
            ("TSVRawWithNames", None),
            ("JSON", None),
            ("Parquet", None),
            ("Values", None),
            ("PrettyCompact", None),
        ] {
            assert_eq!(Blocks::of(format), blocks, "{format}");
        }
    }

    #[test]
    fn heads_are_found() {
        let body = |blocks: Blocks, block: &'static [u8]| {
            blocks.without_head(block).map(|range| &block[range])
        };
        assert_eq!(body(Blocks::Records(1), b"\"a\nb\",c\n1,2\n"), Some(b"1,2\n".as_slice()));
        assert_eq!(body(Blocks::Lines(1), b"\"\n1\n"), Some(b"1\n".as_slice()));
        assert_eq!(body(Blocks::Lines(2), b"a\nInt8\n1\n"), Some(b"1\n".as_slice()));
        assert_eq!(body(Blocks::Strings(2), b"\x01\x01a\x04Int8\x07"), Some(b"\x07".as_slice()));
        assert_eq!(body(Blocks::Strings(1), b"\x01\x05a"), None);
        assert_eq!(body(Blocks::Lines(2), b"a\n"), None);
    }

    #[test]
    fn formats_have_the_servers_content_types() {
        for (format, expected) in [
            ("TabSeparatedWithNames", "text/tab-separated-values; charset=UTF-8"),
            ("CSV", "text/csv; charset=UTF-8; header=absent"),
            ("CSVWithNamesAndTypes", "text/csv; charset=UTF-8; header=present"),
            ("JSONCompact", "application/json; charset=UTF-8"),
            ("JSONCompactEachRowWithNames", "application/x-ndjson; charset=UTF-8"),
            ("Native", "application/octet-stream"),
            ("PrettyCompact", "text/plain; charset=UTF-8"),
            ("Vertical", "text/plain; charset=UTF-8"),
        ] {
            assert_eq!(content_type(format), expected, "{format}");
        }
    }
}
