//! What a browser can say for its visitor without a banner.

/// A machine-readable wish that came with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// `DNT` beginning with `1` (W3C Tracking Preference Expression: extensions may follow).
    Dnt,
    /// `Sec-GPC` exactly `1` (Global Privacy Control).
    Gpc,
    /// The visitor's own objection to this site, which the page's script remembers and repeats.
    Objection,
}

impl Signal {
    /// All signals.
    pub const ALL: [Self; 3] = [Self::Dnt, Self::Gpc, Self::Objection];

    /// The word for it in policy files.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Dnt => "dnt",
            Self::Gpc => "gpc",
            Self::Objection => "objection",
        }
    }
}
