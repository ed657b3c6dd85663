//! A small HTTP client that shows what really went over the wire.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;

use crate::server::Server;

/// An answer, as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the connection ended as the framing of the body promised.
    pub(crate) complete: bool,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body of a good answer, trimmed.
    pub(crate) fn ok(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text());
        assert!(self.complete);
        self.text().trim_end().to_owned()
    }

    /// The exception's code, which the header and the text must agree on.
    pub(crate) fn exception(&self) -> u32 {
        let code = self.header("x-clickhouse-exception-code").expect("an exception");
        let text = self.text();
        assert!(text.starts_with(&format!("Code: {code}. DB::Exception: ")), "{text}");
        assert!(text.contains(" (version 26."), "{text}");
        code.parse().expect("a number")
    }

    pub(crate) fn summary(&self, key: &str) -> u64 {
        let summary = self.header("x-clickhouse-summary").expect("a summary");
        let summary: serde_json::Value = serde_json::from_str(summary).expect("JSON");
        summary[key].as_str().expect("a string").parse().expect("a number")
    }
}

/// `POST /` with the statement as body.
pub(crate) fn query(server: &Server, sql: &str) -> Reply {
    post(server, &[], sql.as_bytes())
}

/// Whether a statement is answered, and well, by a server that may be gone.
pub(crate) fn is_good(server: &Server, sql: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(server.address()) else {
        return false;
    };
    let length = sql.len();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{sql}"
    );
    let mut answer = Vec::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_end(&mut answer).is_ok()
        && answer.starts_with(b"HTTP/1.1 200")
}

/// `POST /?parameters` with a body.
pub(crate) fn post(server: &Server, parameters: &[(&str, &str)], body: &[u8]) -> Reply {
    send(server, "POST", &target(parameters), &[], body)
}

/// `GET /?parameters`.
pub(crate) fn get(server: &Server, parameters: &[(&str, &str)]) -> Reply {
    send(server, "GET", &target(parameters), &[], b"")
}

/// The target of a request with these parameters.
pub(crate) fn target(parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("/?{query}")
}

/// Any request; headers given replace those that would be sent.
pub(crate) fn send(
    server: &Server,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    let length = body.len().to_string();
    let defaults =
        [("Host", server.address()), ("Connection", "close"), ("Content-Length", length.as_str())];
    for (name, value) in defaults {
        if !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
            write!(head, "{name}: {value}\r\n").expect("a string grows");
        }
    }
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").expect("a string grows");
    }
    head.push_str("\r\n");
    let mut stream = connect(server);
    stream.write_all(head.as_bytes()).expect("sends");
    // A server that refuses a body early may close before all of it is sent.
    drop(stream.write_all(body));
    read(stream)
}

/// An open connection for requests made by hand.
pub(crate) fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address()).expect("connects")
}

/// Reads an answer to the end of the connection.
pub(crate) fn read(mut stream: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // A reset after the answer loses nothing of it.
    drop(stream.read_to_end(&mut bytes));
    let split = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&bytes[..split]).into_owned();
    let raw = &bytes[split + 4..];
    let status = head[9..12].parse().expect("a status");
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let (body, complete) = if chunked { unchunk(raw) } else { (raw.to_vec(), true) };
    let mut reply = Reply { status, head, body, complete };
    if let Some(length) = reply.header("content-length") {
        reply.complete = length == reply.body.len().to_string();
    }
    reply
}

fn unchunk(mut raw: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(line) = raw.windows(2).position(|window| window == b"\r\n") else {
            return (body, false);
        };
        let size = std::str::from_utf8(&raw[..line]).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        raw = &raw[line + 2..];
        if size == 0 {
            return (body, true);
        }
        if raw.len() < size + 2 {
            body.extend_from_slice(&raw[..raw.len().min(size)]);
            return (body, false);
        }
        body.extend_from_slice(&raw[..size]);
        raw = &raw[size + 2..];
    }
}
