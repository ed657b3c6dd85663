//! Reads a request's body, within limits of size, of time, and of what all bodies together take.

use bytes::{Bytes, BytesMut};
use candor_pipeline::{BODY_BYTES_MAX, Rejection};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};

use crate::inflate::{Encoding, Inflate};
use crate::limit::{
    BODIES_BYTES_MAX, BODY_DEADLINE, BODY_SPAN, BODY_SPAN_BYTES, DISCARD_BYTES_MAX,
};

/// Bounds the memory that all bodies take together.
#[derive(Debug)]
pub(crate) struct Bodies(Semaphore);

/// What is there of a body.
enum Read {
    Inflating(Box<Inflate>),
    Plain(Whole),
}

/// Most bodies come in one piece, which is not copied.
#[derive(Default)]
struct Whole {
    first: Bytes,
    rest: BytesMut,
}

/// Whether a body comes fast enough.
struct Tempo {
    until: Instant,
    came: usize,
}

// === impl Bodies ===

impl Default for Bodies {
    fn default() -> Self {
        Self(Semaphore::new(BODIES_BYTES_MAX))
    }
}

impl Bodies {
    /// Reads a body whole.
    ///
    /// # Errors
    /// [`Rejection::TooLarge`], [`Rejection::TooSlow`], [`Rejection::Busy`], or [`Rejection::Malformed`] when
    /// it is cut off or is not encoded as it says.
    pub(crate) async fn read<B>(&self, encoding: Encoding, mut body: B) -> Result<Bytes, Rejection>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let read = async {
            let whole = self.collect(encoding, &mut body).await;
            if whole == Err(Rejection::TooLarge) {
                discard(&mut body).await;
            }
            whole
        };
        timeout(BODY_DEADLINE, read).await.unwrap_or(Err(Rejection::TooSlow))
    }

    async fn collect<B>(&self, encoding: Encoding, body: &mut B) -> Result<Bytes, Rejection>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(Rejection::TooLarge);
        }
        let mut read = Read::of(encoding);
        let mut held: Option<SemaphorePermit<'_>> = None;
        let mut tempo = Tempo::begin();
        while let Some(data) = tempo.next(body).await? {
            let before = read.len();
            read.push(data)?;
            let bytes = u32::try_from(read.len() - before).map_err(|_| Rejection::TooLarge)?;
            let more = self.0.try_acquire_many(bytes).map_err(|_| Rejection::Busy)?;
            match &mut held {
                Some(held) => held.merge(more),
                None => held = Some(more),
            }
        }
        read.finish()
    }
}

// === impl Read ===

impl Read {
    fn of(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Gzip => Self::Inflating(Box::new(Inflate::new())),
            Encoding::Identity => Self::Plain(Whole::default()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Inflating(inflate) => inflate.len(),
            Self::Plain(whole) => whole.len(),
        }
    }

    fn push(&mut self, data: Bytes) -> Result<(), Rejection> {
        match self {
            Self::Inflating(inflate) => inflate.push(&data),
            Self::Plain(whole) if whole.len() + data.len() > BODY_BYTES_MAX => {
                Err(Rejection::TooLarge)
            }
            Self::Plain(whole) => {
                whole.push(data);
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<Bytes, Rejection> {
        match self {
            Self::Inflating(inflate) => inflate.finish(),
            Self::Plain(whole) => Ok(whole.into_bytes()),
        }
    }
}

// === impl Tempo ===

impl Tempo {
    fn begin() -> Self {
        Self { until: Instant::now() + BODY_SPAN, came: 0 }
    }

    /// The next piece of a body; `None` at its end.
    async fn next<B>(&mut self, body: &mut B) -> Result<Option<Bytes>, Rejection>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        loop {
            match timeout_at(self.until, body.frame()).await {
                Err(_) if self.came < BODY_SPAN_BYTES => return Err(Rejection::TooSlow),
                Err(_) => *self = Self::begin(),
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) => return Err(Rejection::Malformed),
                Ok(Some(Ok(frame))) => {
                    // Trailers say nothing to us.
                    if let Ok(data) = frame.into_data() {
                        self.came += data.len();
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}

/// Reads on without keeping anything.
async fn discard<B>(body: &mut B)
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut left = DISCARD_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

// === impl Whole ===

impl Whole {
    fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        self.rest.extend_from_slice(&self.first);
        self.first.clear();
        self.rest.extend_from_slice(&data);
    }

    fn into_bytes(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { self.rest.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::{Channel, Full};

    use super::*;

    async fn read(size: usize) -> Result<usize, Rejection> {
        let body = Full::new(Bytes::from(vec![b'x'; size]));
        Bodies::default().read(Encoding::Identity, body).await.map(|body| body.len())
    }

    #[tokio::test]
    async fn a_body_has_a_limit() {
        assert_eq!(read(0).await, Ok(0));
        assert_eq!(read(BODY_BYTES_MAX).await, Ok(BODY_BYTES_MAX));
        assert_eq!(read(BODY_BYTES_MAX + 1).await, Err(Rejection::TooLarge));
    }

    /// Reads a body of which a piece comes each so often; also says after how long it was over.
    async fn trickle(
        piece: usize,
        every: Duration,
        pieces: usize,
    ) -> (Result<usize, Rejection>, Duration) {
        let (mut to, body) = Channel::<Bytes>::new(1);
        tokio::spawn(async move {
            for _ in 0..pieces {
                tokio::time::sleep(every).await;
                if to.send_data(Bytes::from(vec![b'x'; piece])).await.is_err() {
                    return;
                }
            }
        });
        let began = Instant::now();
        let read = Bodies::default().read(Encoding::Identity, body).await;
        (read.map(|body| body.len()), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_must_come_fast_enough_and_to_an_end() {
        let millis = Duration::from_millis;
        let (read, took) = trickle(100, millis(1_000), 100).await;
        assert_eq!(read, Err(Rejection::TooSlow));
        assert!(took < millis(2_100), "less than the least of a span: {took:?}");
        let (read, took) = trickle(600, millis(1_000), 100).await;
        assert_eq!(read, Err(Rejection::TooSlow));
        assert!((millis(4_900)..millis(5_100)).contains(&took), "without an end: {took:?}");
        let (read, took) = trickle(1, millis(1_900), 1).await;
        assert_eq!((read, took < millis(2_000)), (Ok(1), true), "a packet may be lost");
        let (read, _) = trickle(1_000, millis(400), 10).await;
        assert_eq!(read, Ok(10_000));
    }

    #[test]
    fn pieces_are_joined_in_order() {
        let mut whole = Whole::default();
        for piece in ["a", "bc", "d"] {
            whole.push(Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!(whole.into_bytes(), "abcd");
    }
}
