//! The page that linked here. The site's own pages are no referrers.

use candor_event::{Event, Field, FieldSet};
use url::Url;

use super::url::cut;
use crate::admit::Admitted;
use crate::beacon::Beacon;

const HOST_BYTES_MAX: usize = 253;
const PATH_BYTES_MAX: usize = 1_024;

pub(super) fn fill(
    event: &mut Event,
    admitted: &Admitted<'_>,
    beacon: &Beacon<'_>,
    fields: FieldSet,
) {
    let (host, path) = (fields.contains(Field::ReferrerHost), fields.contains(Field::ReferrerPath));
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
    if admitted.policy.allows_host(admitted.site, name) {
        return;
    }
    if host {
        event.referrer_host = cut(name.strip_prefix("www.").unwrap_or(name), HOST_BYTES_MAX);
    }
    if path {
        event.referrer_path = cut(referrer.path(), PATH_BYTES_MAX);
    }
}
