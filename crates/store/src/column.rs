//! The columns of a purpose's table: name, type, codec, and how a row fills them. The only list of
//! them.

use candor_event::wire::PairView;
use candor_event::{Basis, Channel, Device, Field, Kind};

use crate::native::Values;
use crate::row::Row;

/// One column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) sql_type: &'static str,
    /// Empty: the table's, `ZSTD(1)`.
    pub(crate) codec: &'static str,
    pub(crate) ttl: &'static str,
    /// The field of the catalogue that it belongs to; `None`: always there.
    pub(crate) field: Option<Field>,
    /// Whether it is in the views.
    pub(crate) visible: bool,
    pub(crate) comment: &'static str,
    pub(crate) value: Value,
}

/// How a row fills a column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Address(for<'a> fn(&Row<'a>) -> [u8; 16]),
    Id(for<'a> fn(&Row<'a>) -> &'a [u8]),
    /// An id that stands for a person: another in each purpose.
    Pseudonym(for<'a> fn(&Row<'a>) -> &'a [u8]),
    Pairs(for<'a, 'b> fn(&'b Row<'a>) -> &'b [PairView<'a>]),
    Text(for<'a> fn(&Row<'a>) -> &'a [u8]),
    /// With what the column says when the grant does not cover it.
    U8(fn(&Row<'_>) -> u8, u8),
    U16(fn(&Row<'_>) -> u16),
    U32(fn(&Row<'_>) -> u32),
    U64(fn(&Row<'_>) -> u64),
}

/// `scroll_percent` of an event that does not say.
const NO_SCROLL: u8 = 255;

const LOW: &str = "LowCardinality(String)";
const ID: &str = "UUID";
const PAIRS: &str = "Map(LowCardinality(String), String)";
const TIME: &str = "DateTime('UTC')";

/// Numbers that grow along the order key.
const SERIES: &str = "CODEC(DoubleDelta, ZSTD(1))";
/// Small numbers in wide types.
const SMALL: &str = "CODEC(T64, ZSTD(1))";
/// What nothing can make smaller.
const RANDOM: &str = "CODEC(NONE)";

/// What links a row to its place in the log lives for a week, for audit and repair, and no longer.
const POSITION: &str = "TTL stored_at + INTERVAL 7 DAY";

/// All columns, in the order of the table.
pub(crate) const COLUMNS: &[Column] = &[
    core("site", LOW, "The site, as its policy names it.", Value::Text(|r| r.event.site)),
    core("kind", LOW, "What happened: pageview, engagement, click …", Value::Text(kind)),
    core(
        "received_at",
        TIME,
        "When the server received it, whole seconds, UTC.",
        Value::U32(|r| seconds(r.event.received_at)),
    )
    .codec(SERIES),
    core(
        "expires_at",
        TIME,
        "When the row must be gone, as promised to the visitor.",
        Value::U32(|r| seconds(r.grant.expires_at)),
    )
    .codec(SERIES),
    core("basis", LOW, "The legal basis on which the row is kept.", Value::Text(basis)),
    core(
        "policy_version",
        ID,
        "The hash of the policy under which the row is kept.",
        Value::Id(|r| r.event.policy_version),
    ),
    of(Field::Path, "path", LOW, Value::Text(|r| r.event.path)),
    of(Field::Query, "query", PAIRS, Value::Pairs(|r| &r.event.query)),
    of(Field::Title, "title", LOW, Value::Text(|r| r.event.title)),
    of(Field::ReferrerHost, "referrer_host", LOW, Value::Text(|r| r.event.referrer_host)),
    of(Field::ReferrerPath, "referrer_path", LOW, Value::Text(|r| r.event.referrer_path)),
    of(Field::Campaign, "campaign_source", LOW, Value::Text(|r| r.event.campaign.source)),
    of(Field::Campaign, "campaign_medium", LOW, Value::Text(|r| r.event.campaign.medium)),
    of(Field::Campaign, "campaign_name", LOW, Value::Text(|r| r.event.campaign.name)),
    of(Field::Campaign, "campaign_term", LOW, Value::Text(|r| r.event.campaign.term)),
    of(Field::Campaign, "campaign_content", LOW, Value::Text(|r| r.event.campaign.content)),
    of(Field::Source, "source", LOW, Value::Text(|r| r.event.source)),
    of(Field::Channel, "channel", LOW, Value::Text(channel)),
    of(Field::Language, "language", LOW, Value::Text(|r| r.event.language)),
    of(Field::Screen, "screen_width", "UInt16", Value::U16(|r| clamp(r.event.screen_width))),
    of(Field::Screen, "screen_height", "UInt16", Value::U16(|r| clamp(r.event.screen_height))),
    of(Field::Browser, "browser", LOW, Value::Text(|r| r.event.browser)),
    of(Field::BrowserVersion, "browser_version", LOW, Value::Text(|r| r.event.browser_version)),
    of(Field::Os, "os", LOW, Value::Text(|r| r.event.os)),
    of(Field::OsVersion, "os_version", LOW, Value::Text(|r| r.event.os_version)),
    of(Field::Device, "device", LOW, Value::Text(device)),
    of(Field::Bot, "bot", LOW, Value::Text(|r| r.event.bot)),
    of(Field::Country, "country", LOW, Value::Text(|r| r.event.country)),
    of(Field::Region, "region", LOW, Value::Text(|r| r.event.region)),
    of(Field::City, "city", LOW, Value::Text(|r| r.event.city)),
    of(Field::Network, "network_number", "UInt32", Value::U32(|r| r.event.network_number)),
    of(Field::Network, "network", LOW, Value::Text(|r| r.event.network)),
    of(Field::Address, "address", "IPv6", Value::Address(address)),
    of(Field::Address, "address_prefix", "UInt8", Value::U8(|r| clamp(r.event.address_prefix), 0)),
    of(Field::Address, "address_hash", ID, Value::Pseudonym(|r| r.event.address_hash)),
    of(Field::Visitor, "visitor", ID, Value::Pseudonym(|r| r.event.visitor)),
    Column {
        name: "visitor_previous",
        sql_type: ID,
        codec: "",
        ttl: "TTL received_at + INTERVAL 1 DAY",
        field: Some(Field::Visitor),
        visible: true,
        comment: "The pseudonym under the key before, for a session that crosses a rotation; emptied after a day.",
        value: Value::Pseudonym(|r| r.event.visitor_previous),
    },
    core(
        "key_epoch",
        "UInt64",
        "The random name of the key epoch of the ids, 0 without any: a day with several is split.",
        Value::U64(|r| r.event.key_epoch),
    ),
    of(Field::Dwell, "dwell_ms", "UInt32", Value::U32(|r| r.event.dwell_ms)).codec(SMALL),
    of(Field::Scroll, "scroll_percent", "UInt8", Value::U8(scroll, NO_SCROLL)),
    of(Field::Props, "name", LOW, Value::Text(|r| r.event.name)),
    of(Field::Props, "props", PAIRS, Value::Pairs(|r| &r.event.props)),
    of(Field::ConsentRecord, "consent_record", ID, Value::Id(|r| r.event.consent_record)),
    position("event_id", ID, Value::Id(|r| r.event.id)).codec(RANDOM),
    position("log", LOW, Value::Text(|r| r.batch.range.log.as_bytes())),
    position("log_partition", "UInt32", Value::U32(|r| r.batch.range.partition)),
    position("log_offset", "UInt64", Value::U64(|r| r.kept.position.offset)).codec(SERIES),
    position("log_index", "UInt32", Value::U32(|r| r.kept.position.index)).codec(SMALL),
    Column {
        comment: "When the sink stored the row; emptied after a week, in no view.",
        ..position("stored_at", TIME, Value::U32(|r| seconds(r.batch.stored_at.unix())))
            .codec(SERIES)
    },
];

const fn core(
    name: &'static str,
    sql_type: &'static str,
    comment: &'static str,
    value: Value,
) -> Column {
    Column { name, sql_type, codec: "", ttl: "", field: None, visible: true, comment, value }
}

const fn of(field: Field, name: &'static str, sql_type: &'static str, value: Value) -> Column {
    let comment = field.describe();
    Column { name, sql_type, codec: "", ttl: "", field: Some(field), visible: true, comment, value }
}

const fn position(name: &'static str, sql_type: &'static str, value: Value) -> Column {
    Column {
        name,
        sql_type,
        codec: "",
        ttl: POSITION,
        field: None,
        visible: false,
        comment: "Identity and place in the log, for audit and repair; emptied after a week, in no view.",
        value,
    }
}

impl Value {
    /// Room for the values of so many rows.
    pub(crate) fn room(self, rows: usize) -> Values {
        match self {
            Self::Address(_) | Self::Id(_) | Self::Pseudonym(_) => Values::with_room(0, 16 * rows),
            Self::Text(_) => Values::with_room(rows, 0),
            Self::Pairs(_) => Values::default(),
            Self::U8(..) => Values::with_room(0, rows),
            Self::U16(_) => Values::with_room(0, 2 * rows),
            Self::U32(_) => Values::with_room(0, 4 * rows),
            Self::U64(_) => Values::with_room(0, 8 * rows),
        }
    }
}

impl Column {
    /// How a view shows it.
    pub(crate) fn in_view(&self) -> &'static str {
        match self.value {
            // The table has no NULL; an average over the mark for "not said" would be wrong.
            Value::U8(_, NO_SCROLL) => "nullIf(scroll_percent, 255) AS scroll_percent",
            _ => self.name,
        }
    }

    const fn codec(self, codec: &'static str) -> Self {
        Self { codec, ..self }
    }

    /// The column's definition in DDL: type, default, comment, codec, TTL, in ClickHouse's order.
    pub(crate) fn definition(&self, compressed: bool) -> String {
        let default = if self.name == "scroll_percent" { " DEFAULT 255" } else { "" };
        let identifying = self.field.map(|field| field.identifiability().describe());
        let comment: Vec<_> = std::iter::once(self.comment).chain(identifying).collect();
        let comment = comment.join(" ").replace('\'', "''");
        let mut definition =
            format!("{} {}{default} COMMENT '{comment}'", self.name, self.sql_type);
        for clause in [if compressed { self.codec } else { "CODEC(NONE)" }, self.ttl] {
            if !clause.is_empty() {
                definition.push(' ');
                definition.push_str(clause);
            }
        }
        definition
    }
}

fn kind<'a>(row: &Row<'a>) -> &'a [u8] {
    Kind::try_from(row.event.kind).unwrap_or_default().label().as_bytes()
}

fn basis<'a>(row: &Row<'a>) -> &'a [u8] {
    Basis::try_from(row.grant.basis).unwrap_or_default().label().as_bytes()
}

fn device<'a>(row: &Row<'a>) -> &'a [u8] {
    Device::try_from(row.event.device).unwrap_or_default().label().as_bytes()
}

fn channel<'a>(row: &Row<'a>) -> &'a [u8] {
    Channel::try_from(row.event.channel).unwrap_or_default().label().as_bytes()
}

fn address(row: &Row<'_>) -> [u8; 16] {
    row.event.address.try_into().unwrap_or_default()
}

fn scroll(row: &Row<'_>) -> u8 {
    row.event.scroll_percent.map_or(NO_SCROLL, clamp)
}

fn seconds(unix: i64) -> u32 {
    u32::try_from(unix.max(0)).unwrap_or(u32::MAX)
}

fn clamp<T: TryFrom<u32> + Default>(value: u32) -> T {
    T::try_from(value).unwrap_or_default()
}
