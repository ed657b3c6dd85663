//! A proxy between a sink and ClickHouse that does what networks and servers do when they are ill.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ailment {
    /// Nothing.
    Healthy,
    /// Each request is reset when so many more bytes of it went through than of the one before, and the
    /// first again after the last.
    ResetEvery(usize),
    /// Each request waits so long before it goes through.
    Slow(Duration),
    /// ClickHouse answers with this error, and does nothing.
    Error(u16, &'static str),
    /// Something before ClickHouse answers with this status.
    Status(u16),
    /// ClickHouse does what it is asked for, and half of its answer gets through.
    HalfAnswer,
}

/// A running proxy. It ends with the test's process, or when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: String,
    ailment: Mutex<Ailment>,
    /// Requests that fell ill since the ailment began.
    ill: AtomicU64,
    stop: AtomicBool,
}

impl Proxy {
    /// A healthy proxy before a server, `host:port`.
    pub fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (ailment, ill, stop) = (Ailment::Healthy.into(), 0.into(), false.into());
        let shared = Arc::new(Shared { server: server.to_owned(), ailment, ill, stop });
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if of_thread.stop.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&of_thread);
                // Whatever breaks off is what networks do.
                std::thread::spawn(move || shared.serve(client).ok());
            }
        });
        Self { address, shared }
    }

    /// Where it listens, `http://host:port`.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What happens from the next request on.
    pub fn fall(&self, ailment: Ailment) {
        *self.shared.ailment.lock().unwrap() = ailment;
        self.shared.ill.store(0, Ordering::SeqCst);
    }

    /// How many requests fell ill of it.
    pub fn ill(&self) -> u64 {
        self.shared.ill.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        TcpStream::connect(&self.address).ok();
    }
}

impl Shared {
    /// One request: both connections end with its answer.
    fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        client.set_read_timeout(Some(IDLE))?;
        let Some(mut request) = Request::head(&mut client)? else {
            return Ok(());
        };
        let ailment = *self.ailment.lock().unwrap();
        let number = match ailment {
            Ailment::Healthy => 0,
            _ => self.ill.fetch_add(1, Ordering::SeqCst),
        };
        match ailment {
            Ailment::Error(code, name) => {
                request.drain(&mut client)?;
                let body = format!("Code: {code}. DB::Exception: as planned. ({name})\n");
                let head = format!("X-ClickHouse-Exception-Code: {code}\r\n");
                return answer(&mut client, 500, &head, &body);
            }
            Ailment::Status(status) => {
                request.drain(&mut client)?;
                return answer(&mut client, status, "", "as planned\n");
            }
            Ailment::Slow(pause) => std::thread::sleep(pause),
            Ailment::Healthy | Ailment::ResetEvery(_) | Ailment::HalfAnswer => {}
        }
        let mut server = TcpStream::connect(&self.server)?;
        server.set_read_timeout(Some(IDLE))?;
        let cut_at = match ailment {
            Ailment::ResetEvery(step) => step * usize::try_from(number % RESETS + 1).unwrap_or(1),
            _ => usize::MAX,
        };
        if !request.forward(&mut client, &mut server, cut_at)? {
            // Both are closed with what they still had to say: the client gets a reset.
            return Ok(());
        }
        let mut whole = Vec::new();
        server.read_to_end(&mut whole)?;
        if ailment == Ailment::HalfAnswer {
            whole.truncate(whole.len() / 2);
        }
        client.write_all(&whole)
    }
}

/// A request whose head was read.
struct Request {
    /// What was read, head and beginning of the body; the server is asked to close.
    read: Vec<u8>,
    body: Body,
    /// Of the body, in `read`.
    at: usize,
}

enum Body {
    Length(usize),
    Chunked,
}

impl Request {
    /// Reads up to the end of the head; none when the client has left.
    fn head(client: &mut TcpStream) -> std::io::Result<Option<Self>> {
        let mut read = Vec::new();
        let mut buffer = [0; PIECE];
        loop {
            let count = client.read(&mut buffer)?;
            if count == 0 {
                return Ok(None);
            }
            read.extend_from_slice(&buffer[..count]);
            let Some(end) = read.windows(4).position(|it| it == b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8_lossy(&read[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
            let body =
                if is_chunked { Body::Chunked } else { Body::Length(length.unwrap_or_default()) };
            let close = b"\r\nConnection: close";
            read.splice(end..end, close.iter().copied());
            return Ok(Some(Self { read, body, at: end + close.len() + 4 }));
        }
    }

    fn is_whole(&self) -> bool {
        match self.body {
            Body::Length(length) => self.read.len() >= self.at + length,
            Body::Chunked => {
                let body = &self.read[self.at..];
                body == b"0\r\n\r\n" || body.ends_with(b"\r\n0\r\n\r\n")
            }
        }
    }

    fn more(&mut self, client: &mut TcpStream) -> std::io::Result<()> {
        let mut buffer = [0; PIECE];
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.read.extend_from_slice(&buffer[..count]);
        Ok(())
    }

    fn drain(&mut self, client: &mut TcpStream) -> std::io::Result<()> {
        while !self.is_whole() {
            self.more(client)?;
        }
        Ok(())
    }

    /// Gives it on as it comes, `cut_at` bytes of it at most; whether that was all.
    fn forward(
        &mut self,
        client: &mut TcpStream,
        server: &mut TcpStream,
        cut_at: usize,
    ) -> std::io::Result<bool> {
        let mut sent = 0;
        loop {
            let until = self.read.len().min(cut_at);
            server.write_all(&self.read[sent..until])?;
            sent = until;
            if sent == cut_at {
                return Ok(false);
            }
            if self.is_whole() {
                return Ok(true);
            }
            self.more(client)?;
        }
    }
}

fn answer(client: &mut TcpStream, status: u16, head: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 {status} Ill\r\n{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Bytes that are read at once.
const PIECE: usize = 4_096;
/// Resets after which the first follows again: bodies are not longer.
const RESETS: u64 = 8;
const IDLE: Duration = Duration::from_mins(1);
