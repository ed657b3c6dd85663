//! Identifiers that carry nothing: neither a time nor a person.

use std::fmt;

/// The idempotency key of an event: 128 bits, random or a hash of the client's own id. Not a
/// `UUIDv7`, which would carry the time and so link the rows of different purposes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventId([u8; 16]);

/// The hash of the policy that admitted an event: it names the text that the visitor was promised.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PolicyVersion([u8; 16]);

macro_rules! sixteen_bytes {
    ($name:ident) => {
        impl $name {
            #[doc = concat!("A `", stringify!($name), "` of these bytes.")]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// The bytes, owned, as the contract carries them.
            pub fn to_vec(self) -> Vec<u8> {
                self.0.to_vec()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

sixteen_bytes!(EventId);
sixteen_bytes!(PolicyVersion);
