//! ClickHouse's HTTP interface: what stands in a request, and how an answer looks.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod encoding;
pub(crate) mod format;
pub(crate) mod framing;
pub(crate) mod front;
pub(crate) mod handler;
pub(crate) mod multipart;
pub(crate) mod parameters;
