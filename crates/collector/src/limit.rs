//! Every bound of the front door, in one place.

use std::time::Duration;

// === time ===

/// A TLS handshake must be complete after this long.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);
/// The headers of a request must be complete this long after their first byte, and the first ones of a
/// connection this long after its beginning.
pub const HEADER_DEADLINE: Duration = Duration::from_secs(5);
/// The body of a request must be complete after this long.
pub const BODY_DEADLINE: Duration = Duration::from_secs(5);
/// In each span of this length a body must grow by [`BODY_SPAN_BYTES`], or end.
pub const BODY_SPAN: Duration = Duration::from_secs(2);
/// The least that comes of a body in a [`BODY_SPAN`]: a phone at the edge of its network sends more.
pub const BODY_SPAN_BYTES: usize = 512;
/// A request must be answered this long after its headers were there; the log may be slow.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// A client must take what is sent to it within this long.
pub const SEND_DEADLINE: Duration = Duration::from_secs(5);
/// A connection that asks nothing is closed after this long.
pub const IDLE_DEADLINE: Duration = Duration::from_secs(30);
/// The same while nearly all connections are taken.
pub const IDLE_DEADLINE_WHEN_CROWDED: Duration = Duration::from_secs(2);
/// How often a connection that waits looks whether it has become crowded.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Connections are closed this long after they were asked to.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(25);

// === connections ===

/// It is crowded when fewer than one in so many connections is free.
pub const CROWDED_BELOW: usize = 8;
/// Headers of a request.
pub const HEADERS_MAX: usize = 64;
/// Bytes of a request's headers.
pub const HEADER_BYTES_MAX: usize = 16_384;
/// Requests under way in one HTTP/2 connection.
pub const H2_STREAMS_MAX: u32 = 64;
/// Bytes of an HTTP/2 connection, and of each of its streams, that may be on their way.
pub const H2_WINDOW_BYTES: u32 = 65_535;
/// HTTP/2 streams that a client may open and reset without being cut off (rapid reset).
pub const H2_RESETS_MAX: usize = 20;
/// HTTP/2 streams that we may have to reset, for a client's errors, before it is cut off.
pub const H2_OWN_RESETS_MAX: usize = 1_024;
/// How often a client with requests under way is asked whether it is still there (HTTP/2).
pub const H2_PING_EVERY: Duration = Duration::from_secs(10);
/// It must say so within this long.
pub const H2_PING_DEADLINE: Duration = Duration::from_secs(5);

// === bodies ===

/// Bytes of all bodies that are being read, together; above it beacons are answered 503.
pub const BODIES_BYTES_MAX: usize = 128 * 1_048_576;
/// Of a body that is too large, this much more is read and thrown away: a client that is still
/// sending would not hear the answer.
pub const DISCARD_BYTES_MAX: usize = 8 * 1_048_576;
/// A compressed body may become so many times larger,
pub const INFLATE_RATIO_MAX: usize = 20;
/// and this large whatever its ratio: beacons of one page are much alike.
pub const INFLATE_BYTES_FREE: usize = 65_536;

// === beacons ===

/// Beacons that may wait for the log at a time, of all sites together.
pub const WAITING_MAX: usize = 65_536;
/// Beacons of one site that may wait however crowded it is.
pub const WAITING_OF_SITE_MIN: usize = 32;
/// The log is slow when a beacon waits for it this long; fewer may wait then.
pub const WAIT_TARGET: Duration = Duration::from_millis(500);
/// Lines of an access log that go into the log at a time.
pub const IMPORT_LINES: usize = 500;
