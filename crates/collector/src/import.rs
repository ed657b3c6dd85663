//! Access logs through the same gate, a few hundred lines at a time.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use candor_event::Outcome;
use candor_pipeline::{BEACON_BYTES_MAX, Import};
use candor_transport::Producer;
use http_body_util::BodyExt;
use hyper::body::Body;

use crate::door::Door;
use crate::limit::IMPORT_LINES;

/// What became of a log's lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many lines ended so.
    pub outcomes: BTreeMap<&'static str, u64>,
}

/// Why an import stopped. The lines before that are kept.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The log of lines ended in the middle.
    #[error("the upload broke off")]
    BrokenOff,
    /// The log takes no more.
    #[error("the log does not take the lines in time: import the rest again later")]
    Unavailable,
}

impl<P: Producer> Door<P> {
    /// Takes a whole access log.
    ///
    /// # Errors
    /// [`ImportError`], with what became of the lines before.
    pub async fn import<B>(
        &self,
        mut body: B,
        import: &Import,
    ) -> Result<Report, (ImportError, Report)>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut report = Report::default();
        let mut buffer = BytesMut::new();
        let mut lines = Vec::with_capacity(IMPORT_LINES);
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return Err((ImportError::BrokenOff, report));
            };
            if let Ok(data) = frame.into_data() {
                buffer.extend_from_slice(&data);
            }
            while let Some(line) = take_line(&mut buffer) {
                lines.push(line);
                if lines.len() == IMPORT_LINES {
                    self.take(&mut lines, import, &mut report).await?;
                }
            }
        }
        if !buffer.is_empty() {
            lines.push(buffer.freeze());
        }
        lines.retain(|line| !line.trim_ascii().is_empty());
        self.take(&mut lines, import, &mut report).await?;
        Ok(report)
    }

    async fn take(
        &self,
        lines: &mut Vec<Bytes>,
        import: &Import,
        report: &mut Report,
    ) -> Result<(), (ImportError, Report)> {
        let outcomes = self.lines(lines, import).await;
        lines.clear();
        for outcome in &outcomes {
            *report.outcomes.entry(outcome.label()).or_default() += 1;
        }
        if outcomes.contains(&Outcome::Unavailable) {
            return Err((ImportError::Unavailable, report.clone()));
        }
        Ok(())
    }
}

/// Cuts the first line off. A line that is longer than any that is read is cut into pieces, each of
/// them too large or malformed.
fn take_line(buffer: &mut BytesMut) -> Option<Bytes> {
    loop {
        let line = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let mut line = buffer.split_to(end + 1);
                line.truncate(end);
                line
            }
            None if buffer.len() > BEACON_BYTES_MAX => buffer.split(),
            None => return None,
        };
        if !line.trim_ascii().is_empty() {
            return Some(line.freeze());
        }
    }
}
