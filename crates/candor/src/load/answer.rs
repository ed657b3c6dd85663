//! What a collector answers.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection, and what was read of an answer.
#[derive(Debug)]
pub(super) struct Conversation {
    stream: TcpStream,
    read: Vec<u8>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Of its beacons, how many were kept.
    pub(super) accepted: u64,
}

/// A longer answer is none to a beacon.
const ANSWER_MAX: usize = 262_144;
/// Says what became of a beacon.
const OUTCOME: &str = "candor-outcome";
const HEADERS_MAX: usize = 32;

impl Conversation {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(4_096) })
    }

    /// Sends a request of so many beacons; the answer.
    pub(super) async fn ask(&mut self, request: &[u8], beacons: u64) -> io::Result<Answer> {
        self.read.clear();
        self.stream.write_all(request).await?;
        loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(answer) = parse(&self.read, beacons)? {
                return Ok(answer);
            }
            if self.read.len() > ANSWER_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }
}

/// The answer, when it is whole. A collector says the length of every body.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`]: it is no answer of HTTP, or has no length.
fn parse(read: &[u8], beacons: u64) -> io::Result<Option<Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(read).map_err(|_| io::ErrorKind::InvalidData)?;
    let (httparse::Status::Complete(length), Some(status)) = (parsed, head.code) else {
        return Ok(None);
    };
    let is_length =
        |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case("content-length");
    let body = match head.headers.iter().find(is_length) {
        Some(header) => std::str::from_utf8(header.value).ok().and_then(|it| it.parse().ok()),
        None => Some(0),
    };
    let body: usize = body.ok_or(io::ErrorKind::InvalidData)?;
    let Some(body) = read.get(length..length + body) else {
        return Ok(None);
    };
    // A foreign protocol's answer may be the same whatever became of the beacon.
    let outcome = head.headers.iter().find(|it| it.name.eq_ignore_ascii_case(OUTCOME));
    let accepted = match status {
        _ if outcome.is_some_and(|it| it.value != b"accepted") => 0,
        200 | 202 if beacons > 1 => accepted_in(body).unwrap_or(beacons),
        200 | 202 => 1,
        _ => 0,
    };
    Ok(Some(Answer { status, accepted }))
}

/// What the body of an answer to several beacons says.
fn accepted_in(body: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(body).ok()?.get("accepted")?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_when_it_is_whole() {
        let text = b"HTTP/1.1 202 Accepted\r\ncontent-length: 14\r\n\r\n{\"accepted\":7}";
        let whole = |beacons, accepted| {
            assert_eq!(
                parse(text, beacons).unwrap(),
                Some(Answer { status: 202, accepted }),
                "{beacons}"
            );
        };
        whole(10, 7);
        whole(1, 1);
        for length in 0..text.len() {
            assert_eq!(parse(&text[..length], 10).unwrap(), None, "{length}");
        }
        let denied = b"HTTP/1.1 204 No Content\r\ncandor-outcome: denied\r\n\r\n";
        assert_eq!(parse(denied, 1).unwrap(), Some(Answer { status: 204, accepted: 0 }));
        assert!(parse(b"SSH-2.0", 1).is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", 1).is_err());
    }
}
