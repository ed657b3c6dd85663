//! Content codings: what requests come in and answers go out in.

use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use hyper::HeaderMap;

use super::framing;
use super::parameters::Parameters;
use crate::exception::{Exception, Kind};

/// How an answer's bytes go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// ClickHouse's block framing, which no header tells.
    Blocks,
    Deflate,
    Gzip,
    Identity,
    Lz4,
    Zstd,
}

/// Encodes an answer piece by piece; each piece can be read as soon as it is there.
pub(crate) enum Encoder {
    Blocks,
    Deflate(ZlibEncoder<Vec<u8>>),
    Gzip(GzEncoder<Vec<u8>>),
    Identity,
    Lz4(lz4_flex::frame::FrameEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

/// Undoes a request's `Content-Encoding`; at most `limit` bytes come out.
///
/// # Errors
///
/// For an unknown coding, broken data, and data above the limit.
pub(crate) fn decode(coding: &str, data: Bytes, limit: usize) -> Result<Bytes, Exception> {
    let reader: Box<dyn Read> = match coding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => return Ok(data),
        "gzip" | "x-gzip" => Box::new(flate2::read::MultiGzDecoder::new(data.as_ref())),
        "deflate" => Box::new(flate2::read::ZlibDecoder::new(data.as_ref())),
        "lz4" => Box::new(lz4_flex::frame::FrameDecoder::new(data.as_ref())),
        "zstd" => {
            let mut reader = zstd::stream::read::Decoder::new(data.as_ref()).map_err(broken)?;
            // A window above 128 MiB would be allocated before a byte of data is seen.
            reader.window_log_max(27).map_err(broken)?;
            Box::new(reader)
        }
        other => {
            let shown: String = other.chars().take(32).collect();
            let message = format!(
                "Unknown Content-Encoding '{shown}': send gzip, deflate, lz4, zstd or none"
            );
            return Err(Exception::new(Kind::UnknownCompressionMethod, message));
        }
    };
    let mut decoded = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(bound).read_to_end(&mut decoded).map_err(broken)?;
    if decoded.len() > limit {
        return Err(super::body::too_large(limit));
    }
    Ok(decoded.into())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn broken(error: io::Error) -> Exception {
    Exception::new(Kind::CannotDecompress, format!("Cannot decompress the request body: {error}"))
}

// === impl Coding ===

impl Coding {
    /// What the client asked for: `compress=1`, or the cheapest coding it accepts.
    pub(crate) fn choose(parameters: &Parameters, headers: &HeaderMap) -> Self {
        if parameters.compress {
            return Self::Blocks;
        }
        if !parameters.http_compression {
            return Self::Identity;
        }
        let accepted: Vec<String> = headers
            .get_all("accept-encoding")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(accepted_coding)
            .collect();
        [Self::Lz4, Self::Zstd, Self::Gzip, Self::Deflate]
            .into_iter()
            .find(|coding| coding.header().is_some_and(|name| accepted.iter().any(|a| a == name)))
            .unwrap_or(Self::Identity)
    }

    /// The value of `Content-Encoding`.
    pub(crate) fn header(self) -> Option<&'static str> {
        match self {
            Self::Blocks | Self::Identity => None,
            Self::Deflate => Some("deflate"),
            Self::Gzip => Some("gzip"),
            Self::Lz4 => Some("lz4"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// An encoder of this coding.
    ///
    /// # Errors
    ///
    /// When the compressor cannot be set up.
    pub(crate) fn encoder(self) -> io::Result<Encoder> {
        Ok(match self {
            Self::Blocks => Encoder::Blocks,
            Self::Deflate => Encoder::Deflate(ZlibEncoder::new(Vec::new(), Compression::fast())),
            Self::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), Compression::fast())),
            Self::Identity => Encoder::Identity,
            Self::Lz4 => Encoder::Lz4(lz4_flex::frame::FrameEncoder::new(Vec::new())),
            Self::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 1)?),
        })
    }
}

/// The name of one member of `Accept-Encoding`, unless its weight is zero.
fn accepted_coding(member: &str) -> Option<String> {
    let mut parts = member.split(';').map(str::trim);
    let name = parts.next()?.to_ascii_lowercase();
    let refused = parts
        .filter_map(|part| part.strip_prefix("q="))
        .any(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
    (!refused).then_some(name)
}

// === impl Encoder ===

impl Encoder {
    /// Encodes one piece.
    ///
    /// # Errors
    ///
    /// When the compressor fails.
    pub(crate) fn push(&mut self, data: Bytes) -> io::Result<Bytes> {
        match self {
            Self::Identity => Ok(data),
            Self::Blocks => Ok(framing::encode(&data).into()),
            Self::Deflate(encoder) => written(encoder, &data, ZlibEncoder::get_mut),
            Self::Gzip(encoder) => written(encoder, &data, GzEncoder::get_mut),
            Self::Lz4(encoder) => written(encoder, &data, lz4_flex::frame::FrameEncoder::get_mut),
            Self::Zstd(encoder) => written(encoder, &data, zstd::stream::write::Encoder::get_mut),
        }
    }

    /// Ends the stream and hands out what is left.
    ///
    /// # Errors
    ///
    /// When the compressor fails.
    pub(crate) fn finish(self) -> io::Result<Bytes> {
        match self {
            Self::Identity | Self::Blocks => Ok(Bytes::new()),
            Self::Deflate(encoder) => encoder.finish().map(Bytes::from),
            Self::Gzip(encoder) => encoder.finish().map(Bytes::from),
            Self::Lz4(encoder) => encoder.finish().map(Bytes::from).map_err(io::Error::other),
            Self::Zstd(encoder) => encoder.finish().map(Bytes::from),
        }
    }
}

fn written<E: Write>(
    encoder: &mut E,
    data: &[u8],
    output: impl FnOnce(&mut E) -> &mut Vec<u8>,
) -> io::Result<Bytes> {
    encoder.write_all(data)?;
    encoder.flush()?;
    Ok(std::mem::take(output(encoder)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(coding: Coding, pieces: &[&'static [u8]]) -> Bytes {
        let mut encoder = coding.encoder().expect("sets up");
        let mut out = Vec::new();
        for piece in pieces {
            out.extend_from_slice(&encoder.push(Bytes::from_static(piece)).expect("encodes"));
        }
        out.extend_from_slice(&encoder.finish().expect("ends"));
        out.into()
    }

    #[test]
    fn codings_round_trip_in_pieces() {
        for coding in [Coding::Deflate, Coding::Gzip, Coding::Lz4, Coding::Zstd] {
            let data = encoded(coding, &[b"some ", b"", b"data"]);
            let name = coding.header().expect("a name");
            assert_eq!(decode(name, data, 9).expect(name), "some data");
        }
    }

    #[test]
    fn the_limit_counts_while_inflating() {
        static ZEROS: [u8; 1 << 20] = [0; 1 << 20];
        for coding in [Coding::Deflate, Coding::Gzip, Coding::Lz4, Coding::Zstd] {
            let data = encoded(coding, &[&ZEROS]);
            let name = coding.header().expect("a name");
            assert_eq!(decode(name, data, 1000).expect_err(name).code, 229);
        }
    }

    #[test]
    fn broken_and_unknown_codings_are_refused() {
        for coding in ["gzip", "deflate", "lz4", "zstd"] {
            assert!(decode(coding, Bytes::from_static(b"nonsense"), 1000).is_err(), "{coding}");
        }
        assert_eq!(decode("br", Bytes::new(), 10).expect_err("unknown").code, 89);
    }

    #[test]
    fn the_cheapest_accepted_coding_is_chosen() {
        let choose = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("accept-encoding", accept.parse().expect("a header"));
            let mut parameters = Parameters::default();
            parameters.http_compression = true;
            Coding::choose(&parameters, &headers)
        };
        assert_eq!(choose("gzip, zstd, lz4;q=0"), Coding::Zstd);
        assert_eq!(choose("br;q=1.0, GZIP;q=0.8"), Coding::Gzip);
        assert_eq!(choose("br"), Coding::Identity);
    }
}
