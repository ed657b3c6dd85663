//! Looks for addresses where none may be.

use std::path::{Path, PathBuf};

use memchr::memmem;

/// Addresses that are sent in and must never come out.
#[derive(Clone, Debug)]
pub struct Canary {
    needles: Vec<(String, Vec<u8>)>,
}

/// Where one was found, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// The form that was found.
    pub form: String,
    /// Where.
    pub place: String,
}

/// Addresses that beacons are sent in from: one of IPv4, one of IPv6, of which the last 64 bits are looked for.
pub const MARKED: [&str; 2] = ["198.51.100.237", "2001:db8:77:1234:dead:beef:cafe:f00d"];
const MARKED_V4: [u8; 4] = [198, 51, 100, 237];
/// The last 64 bits of the second.
pub const MARKED_INTERFACE: [u8; 8] = [0xde, 0xad, 0xbe, 0xef, 0xca, 0xfe, 0xf0, 0x0d];

impl Canary {
    /// Those of [`MARKED`].
    pub fn marked() -> Self {
        let both = [Self::v4(MARKED_V4), Self::v6_interface(MARKED_INTERFACE)];
        Self { needles: both.into_iter().flat_map(|one| one.needles).collect() }
    }

    /// An IPv4 address: as text, as hexadecimal, as a number.
    pub fn v4(octets: [u8; 4]) -> Self {
        let [a, b, c, d] = octets;
        let hex = format!("{a:02x}{b:02x}{c:02x}{d:02x}");
        let mut forms = vec![format!("{a}.{b}.{c}.{d}"), u32::from_be_bytes(octets).to_string()];
        forms.extend([hex.to_uppercase(), hex, format!("{a:02x}{b:02x}:{c:02x}{d:02x}")]);
        Self { needles: forms.into_iter().map(|f| (f.clone(), f.into_bytes())).collect() }
    }

    /// An IPv6 address by its last 64 bits, which no prefix may contain: as text, as hexadecimal, and
    /// packed.
    pub fn v6_interface(octets: [u8; 8]) -> Self {
        let hex = crate::hex(&octets);
        let groups: Vec<_> = octets
            .chunks(2)
            .map(|pair| format!("{:x}", u16::from_be_bytes([pair[0], pair[1]])))
            .collect();
        let forms = [hex.to_uppercase(), hex, groups.join(":")];
        let mut needles: Vec<_> = forms.into_iter().map(|f| (f.clone(), f.into_bytes())).collect();
        needles.push(("packed".to_owned(), octets.to_vec()));
        Self { needles }
    }

    /// Looks in bytes.
    pub fn find_in(&self, bytes: &[u8], place: &str) -> Option<Leak> {
        let found = self.needles.iter().find(|(_, needle)| memmem::find(bytes, needle).is_some());
        found.map(|(form, _)| Leak { form: form.clone(), place: place.to_owned() })
    }

    /// Looks in every byte of every file below a directory.
    pub fn find_below(&self, dir: &Path) -> Option<Leak> {
        files(dir).iter().find_map(|file| {
            // A merge may have removed it since it was listed.
            let bytes = std::fs::read(file).unwrap_or_default();
            self.find_in(&bytes, &file.display().to_string())
        })
    }
}

/// All files below a directory.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => dirs.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}
