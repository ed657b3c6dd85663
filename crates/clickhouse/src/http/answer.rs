//! Answers: ClickHouse's headers around a body that is whole or still being made.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

use super::encoding::Coding;
use super::format;
use crate::exception::Exception;
use crate::ffi::Counts;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// All of it.
    Whole(Bytes),
    /// Pieces as they are made.
    Pieces {
        /// Delivers the pieces; the channel is shut after an end or a failure.
        pieces: mpsc::Receiver<Piece>,
        /// How far the delivery of a failure has come.
        failing: bool,
    },
}

/// A part of a streamed answer.
#[derive(Debug)]
pub(crate) enum Piece {
    Data(Bytes),
    End,
    /// The query failed; the connection must not end as if the answer were whole.
    Failed,
}

/// The connection is cut because the query failed after its answer had begun.
#[derive(Debug, thiserror::Error)]
#[error("the query failed after its answer had begun")]
pub(crate) struct Cut;

/// What stands in the headers of every answer to a statement.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) query_id: String,
    pub(crate) format: String,
    pub(crate) coding: Coding,
    /// Marks an exception inside a body that began as a good answer.
    pub(crate) exception_tag: String,
}

/// The counts in `X-ClickHouse-Summary`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) counts: Counts,
    pub(crate) elapsed: Duration,
}

// === impl Answer ===

impl Body for Answer {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Whole(data) if data.is_empty() => Poll::Ready(None),
            Self::Whole(data) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(data))))),
            Self::Pieces { failing: true, .. } => Poll::Ready(Some(Err(Cut))),
            Self::Pieces { pieces, failing } => match pieces.poll_recv(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(Piece::Data(data))) => Poll::Ready(Some(Ok(Frame::data(data)))),
                Poll::Ready(Some(Piece::End)) => Poll::Ready(None),
                Poll::Ready(Some(Piece::Failed) | None) => {
                    // One turn of rest, so that the exception written before is flushed.
                    *failing = true;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(data) if data.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(data) => SizeHint::with_exact(u64::try_from(data.len()).unwrap_or(0)),
            Self::Pieces { .. } => SizeHint::default(),
        }
    }
}

// === impl Summary ===

impl Summary {
    fn to_json(self) -> String {
        let Counts { result, read, written } = self.counts;
        // A server counts the rows that an INSERT wrote as its result.
        let result = if result.0 == 0 { written } else { result };
        format!(
            r#"{{"read_rows":"{}","read_bytes":"{}","written_rows":"{}","written_bytes":"{}","total_rows_to_read":"{}","result_rows":"{}","result_bytes":"{}","elapsed_ns":"{}"}}"#,
            read.0,
            read.1,
            written.0,
            written.1,
            read.0,
            result.0,
            result.1,
            self.elapsed.as_nanos()
        )
    }
}

/// A plain text answer that no statement stands behind.
pub(crate) fn text(status: StatusCode, body: &'static str) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, TEXT);
    response
}

/// A good answer.
pub(crate) fn good(head: &Head, summary: Summary, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    set_common(&mut response, head, summary);
    set(&mut response, CONTENT_TYPE, format::content_type(&head.format));
    set(&mut response, FORMAT, &head.format);
    if let Some(coding) = head.coding.header() {
        set(&mut response, CONTENT_ENCODING, coding);
    }
    response
}

/// An exception before any of the answer was sent; never compressed.
pub(crate) fn failed(
    head: &Head,
    summary: Summary,
    exception: &Exception,
    version: &str,
) -> Response<Answer> {
    let mut response =
        Response::new(Answer::Whole(format!("{}\n", exception.render(version)).into()));
    *response.status_mut() = exception.status();
    set_common(&mut response, head, summary);
    set(&mut response, CONTENT_TYPE, TEXT);
    set(&mut response, EXCEPTION_CODE, &exception.code.to_string());
    response
}

/// An exception inside a body that began as a good answer, as the server marks it.
pub(crate) fn exception_block(tag: &str, exception: &Exception, version: &str) -> Bytes {
    let text = format!("{}\n", exception.render(version));
    let length = text.len();
    format!("\r\n__exception__\r\n{tag}\r\n{text}{length} {tag}\r\n__exception__\r\n").into()
}

fn set_common(response: &mut Response<Answer>, head: &Head, summary: Summary) {
    set(response, QUERY_ID, &head.query_id);
    set(response, SUMMARY, &summary.to_json());
    set(response, TIMEZONE, "UTC");
    set(response, DISPLAY_NAME, "candor");
    set(response, EXCEPTION_TAG, &head.exception_tag);
}

fn set(response: &mut Response<Answer>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

const TEXT: &str = "text/plain; charset=UTF-8";
const DISPLAY_NAME: HeaderName = HeaderName::from_static("x-clickhouse-server-display-name");
const EXCEPTION_CODE: HeaderName = HeaderName::from_static("x-clickhouse-exception-code");
const EXCEPTION_TAG: HeaderName = HeaderName::from_static("x-clickhouse-exception-tag");
const FORMAT: HeaderName = HeaderName::from_static("x-clickhouse-format");
const QUERY_ID: HeaderName = HeaderName::from_static("x-clickhouse-query-id");
const SUMMARY: HeaderName = HeaderName::from_static("x-clickhouse-summary");
const TIMEZONE: HeaderName = HeaderName::from_static("x-clickhouse-timezone");
