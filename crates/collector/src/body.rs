//! Reads a request's body, within limits of size, of time, and of what all bodies together take.

use bytes::{Bytes, BytesMut};
use candor_pipeline::{BODY_BYTES_MAX, Rejection};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::limit::{BODIES_BYTES_MAX, BODY_DEADLINE, DISCARD_BYTES_MAX};

/// Bounds the memory that all bodies take together.
#[derive(Debug)]
pub(crate) struct Bodies(Semaphore);

impl Default for Bodies {
    fn default() -> Self {
        Self(Semaphore::new(BODIES_BYTES_MAX))
    }
}

impl Bodies {
    /// Reads a body whole.
    ///
    /// # Errors
    /// [`Rejection::TooLarge`], [`Rejection::Busy`], or [`Rejection::Malformed`] when it is cut off or
    /// too slow.
    pub(crate) async fn read<B>(&self, mut body: B) -> Result<Bytes, Rejection>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let read = async {
            let whole = self.collect(&mut body).await;
            if whole == Err(Rejection::TooLarge) {
                discard(&mut body).await;
            }
            whole
        };
        tokio::time::timeout(BODY_DEADLINE, read).await.unwrap_or(Err(Rejection::Malformed))
    }

    async fn collect<B>(&self, body: &mut B) -> Result<Bytes, Rejection>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(Rejection::TooLarge);
        }
        let mut whole = Whole::default();
        let mut held: Option<SemaphorePermit<'_>> = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Rejection::Malformed)?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if whole.len() + data.len() > BODY_BYTES_MAX {
                return Err(Rejection::TooLarge);
            }
            let bytes = u32::try_from(data.len()).map_err(|_| Rejection::TooLarge)?;
            let more = self.0.try_acquire_many(bytes).map_err(|_| Rejection::Busy)?;
            match &mut held {
                Some(held) => held.merge(more),
                None => held = Some(more),
            }
            whole.push(data);
        }
        Ok(whole.into_bytes())
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

/// Most bodies come in one piece, which is not copied.
#[derive(Default)]
struct Whole {
    first: Bytes,
    rest: BytesMut,
}

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
    use http_body_util::Full;

    use super::*;

    async fn read(size: usize) -> Result<usize, Rejection> {
        let body = Full::new(Bytes::from(vec![b'x'; size]));
        Bodies::default().read(body).await.map(|body| body.len())
    }

    #[tokio::test]
    async fn a_body_has_a_limit() {
        assert_eq!(read(0).await, Ok(0));
        assert_eq!(read(BODY_BYTES_MAX).await, Ok(BODY_BYTES_MAX));
        assert_eq!(read(BODY_BYTES_MAX + 1).await, Err(Rejection::TooLarge));
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
