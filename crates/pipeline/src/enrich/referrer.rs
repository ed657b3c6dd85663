//! The page that linked here. The site's own pages are no referrers.

use candor_event::{Event, Field, FieldSet};
use candor_policy::ReferrerMode;
use url::Url;

use super::text::kept_foreign_path;
use crate::admit::Admitted;
use crate::beacon::Beacon;

/// What the names of hosts are limited to.
const HOST_BYTES_MAX: usize = 253;
const PATH_BYTES_MAX: usize = 1_024;

pub(super) fn fill(
    event: &mut Event,
    admitted: &Admitted<'_>,
    beacon: &Beacon<'_>,
    fields: FieldSet,
) {
    let mode = admitted.policy.referrer();
    let host = fields.contains(Field::ReferrerHost);
    let path = fields.contains(Field::ReferrerPath) && mode == ReferrerMode::Path;
    let Some(text) = beacon.referrer.as_ref().filter(|text| !text.as_str().is_empty()) else {
        return;
    };
    if !host && !path {
        return;
    }
    let Ok(referrer) = Url::parse(text.as_str()) else {
        return;
    };
    let Some(name) = referrer.domain().filter(|_| matches!(referrer.scheme(), "http" | "https"))
    else {
        return;
    };
    if name.len() > HOST_BYTES_MAX || admitted.policy.allows_host(admitted.site, name) {
        return;
    }
    if host {
        let name = name.strip_prefix("www.").unwrap_or(name);
        event.referrer_host = match mode {
            ReferrerMode::Host | ReferrerMode::Path => name.to_owned(),
            ReferrerMode::Origin => origin(&referrer, name),
        };
    }
    if path {
        event.referrer_path = kept_foreign_path(referrer.path(), PATH_BYTES_MAX);
    }
}

/// Protocol, host, and the port when it is not the usual one.
fn origin(referrer: &Url, name: &str) -> String {
    let scheme = referrer.scheme();
    match referrer.port() {
        Some(port) => format!("{scheme}://{name}:{port}"),
        None => format!("{scheme}://{name}"),
    }
}
