//! Requests to the engine's interface as no client makes them: read or refused, and never more memory than allowed.
//! Whatever damage does to a statement, one that reaches out never passes.

use bytes::Bytes;
use candor_hostile::attack;
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Uri};

use crate::exception::Exception;
use crate::http::parameters::Parameters;
use crate::http::{encoding, framing, front, multipart};
use crate::sql::guard;
use crate::sql::lexer::Lexer;
use crate::sql::statement::Statement;

const LIMIT: usize = 1 << 20;
const WORDS: [&str; 12] = [
    "url('http://198.51.100.1/')",
    "INSERT INTO t FORMAT ",
    " VALUES (",
    "/*",
    "*/",
    "--",
    "'",
    "`",
    "$x$",
    ";",
    "SETTINGS a = 1",
    "{x:String}",
];

/// Read or refused, and how often.
#[derive(Default)]
struct Tally {
    read: u64,
    refused: u64,
}

impl Tally {
    fn count<T>(&mut self, result: &Result<T, Exception>) {
        match result {
            Ok(_) => self.read += 1,
            Err(exception) => {
                self.refused += 1;
                assert!(exception.status().as_u16() >= 400 && exception.code > 0);
            }
        }
    }

    #[track_caller]
    fn both(&self) {
        assert!(self.read > 0 && self.refused > 0, "{} read, {} refused", self.read, self.refused);
    }
}

#[test]
fn hostile_statements() {
    let seeds: [&[u8]; 5] = [
        b"SELECT path, count() FROM candor.statistics WHERE a = 'it''s' GROUP BY path -- most\nLIMIT 10",
        b"INSERT INTO candor.t (a, b) SETTINGS x = 1 FORMAT RowBinary\n\x01\x02",
        b"INSERT INTO t VALUES (1, 'a\\'b'), (2, $x$ y $x$)",
        b"/* a /* b */ c */ SELECT `a`.\"b\", {x:UInt8} FROM t FORMAT JSONEachRow",
        b"CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a",
    ];
    let mut tally = Tally::default();
    attack("sql", &seeds, &WORDS, |text| {
        let mut end = 0;
        for token in Lexer::new(text) {
            let bytes = token.bytes(text);
            assert!(!bytes.is_empty(), "a token without bytes never ends");
            let begin = bytes.as_ptr() as usize - text.as_ptr() as usize;
            assert!(begin >= end, "tokens overlap");
            end = begin + bytes.len();
        }
        tally.count(&Statement::parse(text));
        tally.count(&guard::check_values(text));
    });
    tally.both();
}

/// The guard's promise: a call that reaches out is refused, whatever valid SQL stands before it.
#[test]
fn hostile_words_before_a_call_that_reaches_out() {
    let seeds: [&[u8]; 3] =
        [b"SELECT 1, ", b"SELECT a FROM t WHERE x IN ", b"SELECT `a`, \"b\" FROM "];
    attack("reaching-out", &seeds, &["1", ", ", "(", ")", " a ", "+"], |head| {
        let tokens: Vec<_> = Lexer::new(head).collect();
        // The head must end in the open: within a string or comment the call is none.
        let bait: Vec<u8> = [head, b" bait"].concat();
        let is_open = Lexer::new(&bait).last().is_some_and(|last| last.is_word(&bait, "bait"));
        if is_open && !tokens.is_empty() {
            let text = [head, b" url('http://198.51.100.1/', CSV)"].concat();
            let tokens: Vec<_> = Lexer::new(&text).collect();
            // After a dot it is a part of a name.
            if tokens.iter().rev().nth(6).is_some_and(|token| token.is_symbol(b'.')) {
                return;
            }
            assert!(guard::check(&text, &tokens).is_err(), "{}", text.escape_ascii());
        }
    });
}

#[test]
fn hostile_parameters() {
    let seeds: [&[u8]; 4] = [
        b"query=SELECT+1&database=candor&default_format=JSON&max_threads=2&param_x=%27a%27",
        b"session_id=a&session_timeout=60&session_check=1&compress=1&decompress=0&wait_end_of_query=1",
        b"query_id=11111111-1111-1111-1111-111111111111&user=default&password=&role=a",
        b"client_protocol_version=54449&enable_http_compression=1&buffer_size=1048576",
    ];
    let mut tally = Tally::default();
    attack("parameters", &seeds, &WORDS, |bytes| {
        let Ok(query) = str::from_utf8(bytes) else { return };
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(bytes.get(..40).unwrap_or(bytes)) {
            for name in
                ["x-clickhouse-user", "x-clickhouse-database", "authorization", "accept-encoding"]
            {
                headers.insert(name, value.clone());
            }
        }
        for headers in [&HeaderMap::new(), &headers] {
            let mut parameters = Parameters::read(query, headers);
            tally.count(&parameters);
            if let Ok(parameters) = &mut parameters {
                tally.count(&parameters.authenticate(headers));
                tally.count(&parameters.check_protocol("Native"));
                tally.count(&parameters.finish_session());
                encoding::Coding::choose(parameters, headers);
            }
        }
    });
    tally.both();
}

#[test]
fn hostile_hosts() {
    let seeds: [&[u8]; 5] = [
        b"127.0.0.1:8123",
        b"localhost",
        b"[::1]:8123",
        b"multipart/form-data; boundary=x",
        b"evil.example",
    ];
    let mut tally = Tally::default();
    attack("hosts", &seeds, &["localhost", "127.0.0.1", "[::1]", "@", ":"], |bytes| {
        let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
        let mut headers = HeaderMap::new();
        headers.insert("host", value.clone());
        headers.insert("content-type", value);
        let passed = front::check(&Uri::from_static("/"), &headers);
        tally.count(&passed);
        multipart::boundary(&headers);
        let is_local = [&b"127.0.0.1"[..], b"localhost", b"[::1]"].iter().any(|name| {
            bytes.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name))
        });
        // All of 127/8 is this machine.
        assert!(
            passed.is_err() || is_local || bytes.starts_with(b"127."),
            "{}",
            bytes.escape_ascii()
        );
    });
    tally.both();
}

#[test]
fn hostile_encodings() {
    let rows = b"a row of text, a row of text, a row of text\n".repeat(20);
    let frame = framing::encode(&rows);
    let zstd = zstd::encode_all(&rows[..], 1).unwrap();
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, &vec![0; 2 * LIMIT]).unwrap();
        encoder.finish().unwrap()
    };
    let lz4 = {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        std::io::Write::write_all(&mut encoder, &rows).unwrap();
        encoder.finish().unwrap()
    };
    let mut tally = Tally::default();
    attack("encodings", &[&frame, &zstd, &gzip, &lz4], &[], |bytes| {
        let data = Bytes::copy_from_slice(bytes);
        for coding in ["gzip", "deflate", "lz4", "zstd"] {
            let decoded = encoding::decode(coding, data.clone(), LIMIT);
            tally.count(&decoded);
            assert!(decoded.map_or(0, |data| data.len()) <= LIMIT);
        }
        let unframed = framing::decode(bytes, LIMIT);
        tally.count(&unframed);
        if let Ok(data) = unframed {
            assert!(data.len() <= LIMIT);
            assert_eq!(framing::decode(&framing::encode(&data), LIMIT).as_ref(), Ok(&data));
        }
    });
    tally.both();
}

#[test]
fn hostile_forms() {
    let form = b"--x\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT {a:UInt8}\r\n\
                 --x\r\nContent-Disposition: form-data; name=\"param_a\"\r\n\r\n1\r\n--x--\r\n";
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut tally = Tally::default();
    attack("forms", &[form], &["--x\r\n", "--x--", "; filename=\"a\"", "\r\n\r\n"], |bytes| {
        let body = Bytes::copy_from_slice(bytes);
        let mut parameters = Parameters::default();
        let taken = multipart::take_parts(&body, "x".to_owned(), &mut parameters);
        tally.count(&runtime.block_on(taken));
    });
    tally.both();
}
