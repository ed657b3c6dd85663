//! A closed loop of requests over keep-alive connections: each sends, waits for the answer, and sends
//! again. The requests are made beforehand, so that the server is what is measured.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::{Keeps, agents, beacon};

/// Connections that send until they are told to stop.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    thread: JoinHandle<io::Result<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    answered: AtomicU64,
}

/// Requests that differ in page, client address and agent; some 780 bytes each.
pub fn requests() -> Vec<Vec<u8>> {
    let request = |(number, agent): (usize, &str)| {
        let body = beacon(Keeps::Everything.site(), true)
            .replace("winter-boots", &format!("item-{}", number % 1_000))
            .replace("0198f2a7c3de7d1b", &format!("{number:016x}"));
        format!(
            "POST /v1/events HTTP/1.1\r\nHost: collect.example.fi\r\nContent-Type: text/plain\r\n\
             Content-Length: {}\r\nX-Forwarded-For: 198.51.{}.{}\r\nOrigin: https://www.example.fi\r\n\
             Accept: */*\r\nAccept-Language: fi-FI,fi;q=0.9,en;q=0.8\r\nUser-Agent: {agent}\r\n\r\n{body}",
            body.len(),
            number / 256 % 16,
            number % 256,
        )
        .into_bytes()
    };
    (0..8_192).zip(agents().cycle()).map(request).collect()
}

impl Load {
    /// Begins.
    pub fn start(address: SocketAddr, requests: &Arc<[Vec<u8>]>, connections: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let (requests, of_thread) = (Arc::clone(requests), Arc::clone(&shared));
        let thread = std::thread::spawn(move || run(address, &requests, connections, &of_thread));
        Self { shared, thread }
    }

    /// How many answers came so far.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::SeqCst)
    }

    /// Ends it.
    ///
    /// # Panics
    /// A connection broke, or an answer was not 2xx: the figures would mean nothing.
    #[expect(clippy::expect_used, reason = "a measurement that went wrong is none")]
    pub fn finish(self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.thread.join().expect("the load ran").expect("every request was accepted");
    }
}

fn run(
    address: SocketAddr,
    requests: &Arc<[Vec<u8>]>,
    connections: usize,
    shared: &Arc<Shared>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let clients: Vec<_> = (0..connections)
            .map(|client| {
                let (requests, shared) = (Arc::clone(requests), Arc::clone(shared));
                tokio::task::spawn_local(async move {
                    send(address, requests.iter().cycle().skip(client * 31), &shared).await
                })
            })
            .collect();
        for client in clients {
            client.await.map_err(io::Error::other)??;
        }
        Ok(())
    })
}

async fn send(
    address: SocketAddr,
    requests: impl Iterator<Item = &Vec<u8>>,
    shared: &Shared,
) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4_096];
    for request in requests {
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
        stream.write_all(request).await?;
        // An answer is short and comes in one piece.
        let read = stream.read(&mut buffer).await?;
        if !buffer.get(..read).is_some_and(|answer| answer.starts_with(b"HTTP/1.1 20")) {
            return Err(io::Error::other("a request was not accepted"));
        }
        shared.answered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
