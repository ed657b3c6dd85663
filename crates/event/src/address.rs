//! The only form in which an address can be stored: its leading bits.

/// A truncated address. Every bit past the prefix is zero, and no prefix is longer than a /24 (IPv4)
/// or a /48 (IPv6): a full address cannot be represented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredAddress {
    octets: [u8; 16],
    prefix: u8,
}

/// A prefix that would keep more of an address than may ever be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at most 24 bits of an IPv4 address and 48 of an IPv6 address may be stored")]
pub struct TooPrecise;

// === impl StoredAddress ===

impl StoredAddress {
    /// The longest prefix of an IPv4 address that can be stored, in bits.
    pub const V4_PREFIX_MAX: u8 = 24;
    /// The longest prefix of an IPv6 address that can be stored, in bits.
    pub const V6_PREFIX_MAX: u8 = 48;

    /// Keeps the first `prefix` bits of an IPv4 address.
    ///
    /// # Errors
    /// [`TooPrecise`] above [`Self::V4_PREFIX_MAX`].
    pub fn truncate_v4(octets: [u8; 4], prefix: u8) -> Result<Self, TooPrecise> {
        if prefix > Self::V4_PREFIX_MAX {
            return Err(TooPrecise);
        }
        let [a, b, c, d] = octets;
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d];
        Ok(Self { octets: keep_bits(mapped, 96 + prefix), prefix })
    }

    /// Keeps the first `prefix` bits of an IPv6 address.
    ///
    /// # Errors
    /// [`TooPrecise`] above [`Self::V6_PREFIX_MAX`].
    pub fn truncate_v6(octets: [u8; 16], prefix: u8) -> Result<Self, TooPrecise> {
        if prefix > Self::V6_PREFIX_MAX {
            return Err(TooPrecise);
        }
        Ok(Self { octets: keep_bits(octets, prefix), prefix })
    }

    /// The 16 octets, IPv4 mapped into IPv6.
    pub fn octets(&self) -> [u8; 16] {
        self.octets
    }

    /// How many bits are kept, counted in the address's own family.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }
}

fn keep_bits(octets: [u8; 16], bits: u8) -> [u8; 16] {
    let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
    (u128::from_be_bytes(octets) & mask).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_longer_prefix_is_refused() {
        assert_eq!(StoredAddress::truncate_v4([192, 0, 2, 77], 25), Err(TooPrecise));
        assert_eq!(StoredAddress::truncate_v6([0x20; 16], 49), Err(TooPrecise));
    }

    #[test]
    fn the_default_prefixes_cut_where_expected() {
        let v4 = StoredAddress::truncate_v4([192, 0, 2, 77], 24).unwrap();
        assert_eq!(v4.octets()[10..], [0xff, 0xff, 192, 0, 2, 0]);
        let v6 = StoredAddress::truncate_v6([0xab; 16], 48).unwrap();
        assert_eq!(v6.octets(), [0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn truncation_is_idempotent_and_depends_on_the_prefix_only(
            octets: [u8; 16], noise: [u8; 16], prefix in 0..=StoredAddress::V6_PREFIX_MAX,
        ) {
            let once = StoredAddress::truncate_v6(octets, prefix).unwrap();
            prop_assert_eq!(StoredAddress::truncate_v6(once.octets(), prefix).unwrap(), once);
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            let other = (u128::from_be_bytes(octets) & mask) | (u128::from_be_bytes(noise) & !mask);
            prop_assert_eq!(StoredAddress::truncate_v6(other.to_be_bytes(), prefix).unwrap(), once);
        }
    }
}
