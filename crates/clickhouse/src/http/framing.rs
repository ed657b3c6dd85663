//! ClickHouse's block framing: what `decompress=1` sends and `compress=1` asks for.
//!
//! A block is a `CityHash128` (version 1.0.2) of the rest, a method byte, the size of header and
//! payload, the size of the data, and the payload.

use crate::exception::{Exception, Kind};

/// Undoes the framing; at most `limit` bytes come out.
///
/// # Errors
///
/// For a wrong checksum, a method or payload that is no such thing, and data above the limit.
pub(crate) fn decode(mut framed: &[u8], limit: usize) -> Result<Vec<u8>, Exception> {
    let mut data = Vec::new();
    while !framed.is_empty() {
        let (block, rest) = Block::split(framed)?;
        if block.data_size > limit.saturating_sub(data.len()) {
            return Err(super::body::too_large(limit));
        }
        block.unpack(&mut data)?;
        framed = rest;
    }
    Ok(data)
}

/// Frames data as LZ4 blocks.
pub(crate) fn encode(data: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(data.len() / 2 + 64);
    for chunk in data.chunks(BLOCK_BYTES) {
        let payload = lz4_flex::block::compress(chunk);
        let mut block = Vec::with_capacity(payload.len() + HEADER_BYTES);
        block.push(LZ4);
        block.extend_from_slice(&size_bytes(payload.len() + HEADER_BYTES));
        block.extend_from_slice(&size_bytes(chunk.len()));
        block.extend_from_slice(&payload);
        framed.extend_from_slice(&checksum(&block));
        framed.extend_from_slice(&block);
    }
    framed
}

struct Block<'a> {
    method: u8,
    data_size: usize,
    payload: &'a [u8],
}

// === impl Block ===

impl<'a> Block<'a> {
    fn split(framed: &'a [u8]) -> Result<(Self, &'a [u8]), Exception> {
        let (sum, rest) = framed.split_at_checked(CHECKSUM_BYTES).ok_or_else(cut)?;
        let (method, sizes) = rest.split_first().ok_or_else(cut)?;
        let (packed_size, sizes) = split_size(sizes)?;
        let (data_size, _) = split_size(sizes)?;
        let (block, rest) = rest.split_at_checked(packed_size).ok_or_else(cut)?;
        let payload = block.get(HEADER_BYTES..).ok_or_else(cut)?;
        if checksum(block) != sum {
            let message = "Checksum doesn't match: corrupted data in the request body";
            return Err(Exception::new(Kind::ChecksumDoesntMatch, message));
        }
        Ok((Self { method: *method, data_size, payload }, rest))
    }

    fn unpack(&self, data: &mut Vec<u8>) -> Result<(), Exception> {
        let unpacked = match self.method {
            NONE if self.payload.len() == self.data_size => {
                data.extend_from_slice(self.payload);
                return Ok(());
            }
            LZ4 => lz4_flex::block::decompress(self.payload, self.data_size).ok(),
            ZSTD => zstd::bulk::decompress(self.payload, self.data_size).ok(),
            NONE => None,
            method => {
                let message = format!("Unknown compression method 0x{method:02x} in a block");
                return Err(Exception::new(Kind::UnknownCompressionMethod, message));
            }
        };
        match unpacked {
            Some(unpacked) if unpacked.len() == self.data_size => {
                data.extend_from_slice(&unpacked);
                Ok(())
            }
            _ => Err(Exception::new(Kind::CannotDecompress, "Cannot decompress a block")),
        }
    }
}

fn split_size(bytes: &[u8]) -> Result<(usize, &[u8]), Exception> {
    let (size, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
    Ok((u32::from_le_bytes(*size) as usize, rest))
}

fn cut() -> Exception {
    Exception::new(Kind::CannotDecompress, "The request body ends inside a compressed block")
}

fn checksum(block: &[u8]) -> [u8; CHECKSUM_BYTES] {
    // ClickHouse writes the two halves of the hash high half first.
    cityhash_rs::cityhash_102_128(block).rotate_left(64).to_le_bytes()
}

fn size_bytes(size: usize) -> [u8; 4] {
    u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes()
}

const CHECKSUM_BYTES: usize = 16;
const HEADER_BYTES: usize = 9;
const BLOCK_BYTES: usize = 1 << 20;
const NONE: u8 = 0x02;
const LZ4: u8 = 0x82;
const ZSTD: u8 = 0x90;

#[cfg(test)]
mod tests {
    use super::*;

    fn block(method: u8, data_size: usize, payload: &[u8]) -> Vec<u8> {
        let mut block = vec![method];
        block.extend_from_slice(&size_bytes(payload.len() + HEADER_BYTES));
        block.extend_from_slice(&size_bytes(data_size));
        block.extend_from_slice(payload);
        [checksum(&block).as_slice(), &block].concat()
    }

    #[test]
    fn the_round_trip_is_exact() {
        for size in [0, 1, 1000, BLOCK_BYTES, 3 * BLOCK_BYTES + 7] {
            let data: Vec<u8> = (0_u8..=250).cycle().take(size).collect();
            assert_eq!(decode(&encode(&data), size).expect("valid"), data);
        }
    }

    #[test]
    fn every_method_is_read() {
        let packed = zstd::bulk::compress(b"hello", 1).expect("packs");
        let framed = [block(NONE, 5, b"hello"), block(ZSTD, 5, &packed)].concat();
        assert_eq!(decode(&framed, 100).expect("valid"), b"hellohello");
    }

    #[test]
    fn corruption_anywhere_is_seen() {
        let framed = encode(b"some data that compresses, some data that compresses");
        for at in 0..framed.len() {
            let mut broken = framed.clone();
            broken[at] ^= 1;
            assert!(decode(&broken, 1000).is_err(), "byte {at}");
        }
        for length in 1..framed.len() {
            assert!(decode(&framed[..length], 1000).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn the_limit_counts_before_anything_is_unpacked() {
        let bomb = block(LZ4, u32::MAX as usize, &[0; 16]);
        assert_eq!(decode(&bomb, 1000).expect_err("too large").code, 229);
        assert_eq!(decode(&encode(&[0; 1001]), 1000).expect_err("too large").code, 229);
    }

    #[test]
    fn unknown_methods_are_named() {
        let framed = block(0x91, 1, b"x");
        assert_eq!(decode(&framed, 1000).expect_err("unknown").code, 89);
    }
}
