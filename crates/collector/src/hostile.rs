//! Bodies that claim to be gzip. However they are cut and whatever they grow to, no more comes out than may.

use std::io::Write;

use candor_hostile::attack;
use candor_pipeline::BODY_BYTES_MAX;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::inflate::Inflate;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn hostile_gzip() {
    let beacon = br#"{"site":"demo","url":"http://localhost/","consent":true}"#;
    let (one, bomb) = (gzip(beacon), gzip(&vec![0; 4 << 20]));
    let two = [&one[..], &one[..]].concat();
    let (mut read, mut refused) = (0_u64, 0_u64);
    attack("gzip", &[&one, &two, &bomb, &gzip(b"")], &["\x1f", "\u{8}"], |bytes| {
        let mut inflate = Inflate::new();
        let pushed = bytes.chunks(97).try_for_each(|chunk| {
            let pushed = inflate.push(chunk);
            assert!(inflate.len() <= BODY_BYTES_MAX);
            pushed
        });
        match pushed.and_then(|()| inflate.finish()) {
            Ok(body) => {
                read += 1;
                assert!(body.len() <= BODY_BYTES_MAX);
            }
            Err(_) => refused += 1,
        }
    });
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}
