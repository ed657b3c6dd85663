//! Compressed bodies (gzip), undone as they come in: nothing grows past what may be read, nor much faster
//! than it came.

use std::io::{self, Write};

use bytes::Bytes;
use candor_pipeline::{BODY_BYTES_MAX, Rejection};
use flate2::write::GzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::limit::{INFLATE_BYTES_FREE, INFLATE_RATIO_MAX};

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// With gzip (RFC 1952).
    Gzip,
    /// Not at all.
    Identity,
}

/// A body that is being inflated.
pub(crate) struct Inflate {
    decoder: GzDecoder<Bounded>,
    came: usize,
}

/// What came out, while it may grow.
struct Bounded {
    bytes: Vec<u8>,
    may_be: usize,
}

impl Encoding {
    /// As the headers say.
    ///
    /// # Errors
    /// [`Rejection::UnsupportedMedia`] for any other, and for several.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Rejection> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Ok(Self::Identity),
            (Some(value), None) => value.as_bytes().trim_ascii(),
            (Some(_), Some(_)) => return Err(Rejection::UnsupportedMedia),
        };
        if value.eq_ignore_ascii_case(b"gzip") || value.eq_ignore_ascii_case(b"x-gzip") {
            Ok(Self::Gzip)
        } else if value.eq_ignore_ascii_case(b"identity") {
            Ok(Self::Identity)
        } else {
            Err(Rejection::UnsupportedMedia)
        }
    }
}

impl Inflate {
    pub(crate) fn new() -> Self {
        let bounded = Bounded { bytes: Vec::new(), may_be: 0 };
        Self { decoder: GzDecoder::new(bounded), came: 0 }
    }

    /// How much came out so far.
    pub(crate) fn len(&self) -> usize {
        self.decoder.get_ref().bytes.len()
    }

    /// Takes what came.
    ///
    /// # Errors
    /// [`Rejection::TooLarge`], or [`Rejection::Malformed`] when it is not gzip.
    pub(crate) fn push(&mut self, data: &[u8]) -> Result<(), Rejection> {
        self.came = self.came.saturating_add(data.len());
        let by_ratio = self.came.saturating_mul(INFLATE_RATIO_MAX).max(INFLATE_BYTES_FREE);
        self.decoder.get_mut().may_be = by_ratio.min(BODY_BYTES_MAX);
        self.decoder.write_all(data).map_err(|error| of(&error))
    }

    /// Everything, once all has come.
    ///
    /// # Errors
    /// As [`Self::push`]; [`Rejection::Malformed`] too when it is cut off or its checksum is another.
    pub(crate) fn finish(self) -> Result<Bytes, Rejection> {
        let whole = self.decoder.finish().map_err(|error| of(&error))?;
        Ok(whole.bytes.into())
    }
}

fn of(error: &io::Error) -> Rejection {
    match error.kind() {
        io::ErrorKind::FileTooLarge => Rejection::TooLarge,
        _ => Rejection::Malformed,
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(bytes.len()) > self.may_be {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn inflated(pieces: &[&[u8]]) -> Result<Bytes, Rejection> {
        let mut inflate = Inflate::new();
        for piece in pieces {
            inflate.push(piece)?;
        }
        inflate.finish()
    }

    /// Bytes that compress badly.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn a_bomb_goes_out_early() {
        let bomb = gzip(&vec![b'x'; 100 << 20]);
        let mut inflate = Inflate::new();
        assert_eq!(inflate.push(&bomb), Err(Rejection::TooLarge));
        assert!(inflate.len() <= INFLATE_BYTES_FREE.max(bomb.len() * INFLATE_RATIO_MAX));
        assert_eq!(
            inflated(&[&gzip(&vec![b'x'; INFLATE_BYTES_FREE])]).map(|b| b.len()),
            Ok(65_536)
        );
        assert_eq!(inflated(&[&gzip(&vec![b'x'; 200_000])]), Err(Rejection::TooLarge), "the ratio");
        assert_eq!(inflated(&[&gzip(&noise(BODY_BYTES_MAX))]).map(|b| b.len()), Ok(BODY_BYTES_MAX));
        assert_eq!(inflated(&[&gzip(&noise(BODY_BYTES_MAX + 1))]), Err(Rejection::TooLarge));
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let whole = gzip(b"{\"site\":\"demo\"}");
        let mut wrong = whole.clone();
        let at = wrong.len() - 6;
        wrong[at] ^= 1;
        let more = [&whole[..], b"more"].concat();
        for bytes in [&b""[..], b"{}", &whole[..whole.len() - 1], &whole[..9], &wrong, &more] {
            assert_eq!(inflated(&[bytes]), Err(Rejection::Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn gzip_is_read_and_nothing_else() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            Encoding::of(&headers)
        };
        assert_eq!(of(&[]), Ok(Encoding::Identity));
        assert_eq!(of(&["GZIP"]), Ok(Encoding::Gzip));
        assert_eq!(of(&["identity"]), Ok(Encoding::Identity));
        for refused in [&["br"][..], &["gzip, gzip"], &["gzip", "gzip"], &["deflate"], &["zstd"]] {
            assert_eq!(of(refused), Err(Rejection::UnsupportedMedia), "{refused:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_out(body: Vec<u8>, cut in 0_usize..200) {
            let packed = gzip(&body);
            let (head, tail) = packed.split_at(cut.min(packed.len()));
            prop_assert_eq!(inflated(&[head, tail]), Ok(Bytes::from(body)));
        }

        #[test]
        fn any_bytes_are_inflated_or_refused(body: Vec<u8>) {
            inflated(&[&body]).ok();
        }
    }
}
