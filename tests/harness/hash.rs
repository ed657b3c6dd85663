//! What an attacker who has read the code could reckon with a key in his hands.

/// How a site's key and an address's hash are formed: what the table `statistics` of the site `demo` has for
/// this address under an epoch's key.
pub fn hash_under(key: &[u8], address: [u8; 4]) -> [u8; 16] {
    let mut site = blake3::Hasher::new_derive_key("candor 2026-11 site key");
    site.update(key).update(b"demo");
    let mut hasher = blake3::Hasher::new_keyed(site.finalize().as_bytes());
    let [a, b, c, d] = address;
    hasher.update(b"address\0").update(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, a, b, c, d]);
    let mut hash = [0; 16];
    hasher.finalize_xof().fill(&mut hash);
    let mut named = blake3::Hasher::new_derive_key("candor 2026-11 pseudonym in a purpose");
    named.update(b"statistics\0").update(&hash);
    let mut out = [0; 16];
    named.finalize_xof().fill(&mut out);
    out
}
