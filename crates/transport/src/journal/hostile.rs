//! Files that somebody damaged or made up: read or refused, in bounded steps.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use candor_hostile::attack;

use super::cursor::Stored;
use super::format::{FileKind, seal, unseal};
use super::record::Checksum;
use super::scan::{At, Scan, Step};
use super::segment::{SEGMENT_HEADER_BYTES, Segment};
use crate::LogId;

const LOG: LogId = LogId::from_bytes([3; 16]);
const WORDS: [&str; 3] = ["candor-s", "candor-c", "candor-i"];

fn segment() -> Vec<u8> {
    let mut bytes = Segment::header(LOG, 0, 0);
    for (sequence, payload) in (0_u64..).zip([&b"one"[..], b"a longer one, of text", b"2", b"last"])
    {
        bytes.extend_from_slice(&Checksum::new(LOG).header(sequence, payload).to_bytes());
        bytes.extend_from_slice(payload);
    }
    bytes
}

/// Records and lost numbers that are read of a file. Every step moves on.
fn read(file: &File, bytes: u64) -> (u64, u64) {
    let scan = Scan { file, checksum: Checksum::new(LOG), bytes, end: u64::MAX };
    let mut at = At { position: SEGMENT_HEADER_BYTES.min(bytes), sequence: 0 };
    let (mut read, mut lost) = (0, 0);
    loop {
        let before = at;
        match scan.step(&mut at).unwrap() {
            Step::End => return (read, lost),
            Step::Lost => lost += at.sequence - before.sequence,
            Step::Records(records) => {
                read += records.len() as u64;
                let payloads: u64 = records.iter().map(|(_, payload)| payload.len() as u64).sum();
                assert!(payloads <= bytes, "more than the file has");
            }
        }
        assert!(at.position > before.position && at.position <= bytes, "{before:?} to {at:?}");
    }
}

#[test]
fn hostile_segments() {
    let seed = segment();
    let twice = [&seed[..], &seed[..]].concat();
    let mut file = tempfile::tempfile().unwrap();
    let (mut whole, mut torn) = (0_u64, 0_u64);
    attack("segment", &[&seed, &twice], &WORDS, |bytes| {
        file.set_len(0).unwrap();
        file.rewind().unwrap();
        file.write_all(bytes).unwrap();
        let (records, lost) = read(&file, bytes.len() as u64);
        if records >= 3 && lost == 0 {
            whole += 1;
        } else {
            torn += 1;
        }
        // A header of another log or version is an error that names the file, and damage costs no record.
        if let Err(error) = Segment::parse_header(bytes, LOG, 0, Path::new("x.seg")) {
            assert!(error.to_string().contains("x.seg"), "{error}");
        }
    });
    assert!(whole > 0 && torn > 0, "{whole} whole, {torn} torn");
}

#[test]
fn hostile_cursors() {
    let dir = tempfile::tempdir().unwrap();
    let body = |metadata: &[u8]| [&[3; 16][..], &[1], &7_u64.to_le_bytes(), metadata].concat();
    let seeds = [
        seal(FileKind::Cursor, &body(br#"{"v":2,"begin":true}"#)),
        seal(FileKind::Cursor, &[&[3; 16][..], &[0]].concat()),
        seal(FileKind::Id, &[3; 16]),
    ];
    let seeds: Vec<_> = seeds.iter().map(Vec::as_slice).collect();
    let (mut opened, mut refused) = (0_u64, 0_u64);
    attack("cursor", &seeds, &WORDS, |bytes| {
        // As they are, and with an envelope that fits around what they are not.
        for bytes in [bytes.to_vec(), seal(FileKind::Cursor, bytes)] {
            for kind in [FileKind::Cursor, FileKind::Id, FileKind::Segment, FileKind::Spill] {
                match unseal(kind, &bytes) {
                    Ok(body) => assert_eq!(unseal(kind, &seal(kind, body)), Ok(body)),
                    Err(_) => refused += 1,
                }
            }
            if unseal(FileKind::Cursor, &bytes).is_ok_and(|body| Stored::parse(body).is_some()) {
                opened += 1;
            }
        }
    });
    assert!(opened > 0 && refused > 0, "{opened} opened, {refused} refused");
    assert!(Stored::read(dir.path()).unwrap().is_none());
}
