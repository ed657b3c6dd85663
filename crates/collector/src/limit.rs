//! Every bound of the front door, in one place.

use std::time::Duration;

/// The headers of a request must be complete after this long.
pub const HEADER_DEADLINE: Duration = Duration::from_secs(5);
/// The body of a request must be complete after this long.
pub const BODY_DEADLINE: Duration = Duration::from_secs(5);
/// A request must be answered after this long; the log may be slow.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// Connections are closed this long after they were asked to.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// Headers of a request.
pub const HEADERS_MAX: usize = 64;
/// Bytes of a request's headers.
pub const HEADER_BYTES_MAX: usize = 16_384;
/// Requests under way in one HTTP/2 connection.
pub const H2_STREAMS_MAX: u32 = 16;
/// Bytes of an HTTP/2 connection, and of each of its streams, that may be on their way.
pub const H2_WINDOW_BYTES: u32 = 65_535;
/// HTTP/2 streams that a client may open and reset without being cut off (rapid reset).
pub const H2_RESETS_MAX: usize = 20;

/// Bytes of all bodies that are being read, together; above it beacons are answered 503.
pub const BODIES_BYTES_MAX: usize = 128 * 1_048_576;
/// Of a body that is too large, this much more is read and thrown away: a client that is still
/// sending would not hear the answer.
pub const DISCARD_BYTES_MAX: usize = 8 * 1_048_576;

/// Lines of an access log that go into the log at a time.
pub const IMPORT_LINES: usize = 500;
