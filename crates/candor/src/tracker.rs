//! The tracker that websites load, as `make tracker` built it.

use bytes::Bytes;
use candor_collector::{Door, Page, TrackerPath};
use candor_transport::Producer;

/// The core, and the files for those who want more.
const FILES: [(&str, &str); 5] = [
    ("", include_str!("../../../tracker/dist/candor.js")),
    ("consent-mode", include_str!("../../../tracker/dist/candor-consent-mode.js")),
    ("errors", include_str!("../../../tracker/dist/candor-errors.js")),
    ("forms", include_str!("../../../tracker/dist/candor-forms.js")),
    ("links", include_str!("../../../tracker/dist/candor-links.js")),
];

/// Puts the tracker at the door.
pub(crate) fn scripts<P: Producer>(door: Door<P>, path: &TrackerPath) -> Door<P> {
    FILES.iter().fold(door, |door, (name, text)| {
        let page = Page {
            content_type: "text/javascript; charset=utf-8",
            body: Bytes::from_static(text.as_bytes()),
            shared: true,
        };
        door.with_page(path.of(name), page)
    })
}
