//! `POST /import`: the other end of `candor import`.

use std::sync::Arc;

use candor_collector::respond::{Answer, content, plain};
use candor_collector::{Door, ImportError, Report};
use candor_event::{Clock, Purpose};
use candor_pipeline::Import;
use candor_transport::Producer;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;

use super::{Routes, TEXT, not_found, parameter};

/// Takes access logs in.
pub(crate) struct Imports<P> {
    pub(crate) door: Arc<Door<P>>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl<P: Producer> Routes for Imports<P> {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/import") => self.import(request).await,
            _ => not_found(),
        }
    }
}

impl<P: Producer> Imports<P> {
    async fn import(&self, request: Request<Incoming>) -> Answer {
        let Some(site) = parameter(&request, "site") else {
            return plain(StatusCode::BAD_REQUEST, "name the site: /import?site=…\n");
        };
        let consent = parameter(&request, "consent").unwrap_or_default();
        let consent: Vec<_> =
            consent.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let purposes = self.door.purposes(&site);
        if purposes.is_empty() {
            return plain(StatusCode::NOT_FOUND, "no policy names this site\n");
        }
        if !consent.iter().all(|name| purposes.iter().any(|purpose| purpose.as_str() == name)) {
            let purposes: Vec<_> = purposes.iter().map(Purpose::as_str).collect();
            let words = format!("the site's purposes are: {}\n", purposes.join(", "));
            return content(StatusCode::BAD_REQUEST, TEXT, words);
        }
        let last_offset = parameter(&request, "last_offset_s").unwrap_or_else(|| "0".to_owned());
        let Ok(last_offset) = last_offset.parse() else {
            return plain(StatusCode::BAD_REQUEST, "last_offset_s is a number of seconds\n");
        };
        let import = Import { site, consent, end: (self.clock.now(), last_offset) };
        match self.door.import(request.into_body(), &import).await {
            Ok(report) => report_of(StatusCode::OK, &report, None),
            Err((error, report)) => {
                let status = match error {
                    ImportError::BrokenOff => StatusCode::BAD_REQUEST,
                    ImportError::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                };
                report_of(status, &report, Some(&error))
            }
        }
    }
}

fn report_of(status: StatusCode, report: &Report, error: Option<&ImportError>) -> Answer {
    let body = serde_json::json!({
        "outcomes": report.outcomes,
        "error": error.map(ToString::to_string),
    });
    content(status, "application/json", body.to_string())
}
