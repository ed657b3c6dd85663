//! An event as it lies in its record: read field by field, and nothing copied.
#![expect(
    clippy::inline_always,
    reason = "without it a field's number and value go through memory, and reading takes two thirds more"
)]

use prost::encoding::decode_varint;
use smallvec::SmallVec;

use super::WireError;

/// What [`Event`](crate::Event) is, borrowed from the event's bytes; but its grants, which are read apart from it. Its
/// texts are bytes, which are UTF-8 in a record that was split.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "proto/candor/v1/event.proto says what each field is")]
pub struct EventView<'a> {
    pub id: &'a [u8],
    pub site: &'a [u8],
    pub kind: i32,
    pub received_at: i64,
    pub policy_version: &'a [u8],
    pub consent_record: &'a [u8],
    pub key_epoch: u64,
    pub name: &'a [u8],
    pub path: &'a [u8],
    pub query: SmallVec<[PairView<'a>; 2]>,
    pub title: &'a [u8],
    pub referrer_host: &'a [u8],
    pub referrer_path: &'a [u8],
    pub campaign: CampaignView<'a>,
    pub language: &'a [u8],
    pub screen_width: u32,
    pub screen_height: u32,
    pub browser: &'a [u8],
    pub browser_version: &'a [u8],
    pub os: &'a [u8],
    pub os_version: &'a [u8],
    pub device: i32,
    pub bot: &'a [u8],
    pub country: &'a [u8],
    pub region: &'a [u8],
    pub city: &'a [u8],
    pub network_number: u32,
    pub network: &'a [u8],
    pub address: &'a [u8],
    pub address_prefix: u32,
    pub address_hash: &'a [u8],
    pub visitor: &'a [u8],
    pub visitor_previous: &'a [u8],
    pub dwell_ms: u32,
    pub scroll_percent: Option<u32>,
    pub props: SmallVec<[PairView<'a>; 2]>,
    pub source: &'a [u8],
    pub channel: i32,
}

/// A name and its value; most events have few.
pub type PairView<'a> = (&'a [u8], &'a [u8]);

/// What [`Campaign`](crate::Campaign) is, borrowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "proto/candor/v1/event.proto says what each field is")]
pub struct CampaignView<'a> {
    pub source: &'a [u8],
    pub medium: &'a [u8],
    pub name: &'a [u8],
    pub term: &'a [u8],
    pub content: &'a [u8],
}

/// What [`Grant`](crate::Grant) is, borrowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "proto/candor/v1/event.proto says what each field is")]
pub struct GrantView<'a> {
    pub purpose: &'a str,
    pub basis: i32,
    pub expires_at: i64,
    pub fields: u64,
}

/// A message that is read field by field.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

/// The value of a field, as its wire type says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Number(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
    /// 32 bits of a field that a later version may have.
    Unknown,
}

/// The number of the field that grants lie in.
const GRANTS: u64 = 6;
/// The last number that this version knows.
const LAST: u64 = 39;

// === impl EventView ===

impl<'a> EventView<'a> {
    /// Reads an event's message, of a record that was split: texts are not looked at.
    ///
    /// # Errors
    /// [`WireError::NotProtobuf`].
    pub fn read(message: &'a [u8]) -> Result<Self, WireError> {
        Self::read_with(message, Ok, |_| {})
    }

    /// Reads an event's message, checks that its texts are some, and gives away the messages of the grants.
    pub(super) fn check(message: &'a [u8], grant: impl FnMut(&'a [u8])) -> Result<Self, WireError> {
        Self::read_with(message, |it| text(it).map(str::as_bytes), grant)
    }

    fn read_with(
        message: &'a [u8],
        text: impl Fn(&'a [u8]) -> Result<&'a [u8], WireError> + Copy,
        mut grant: impl FnMut(&'a [u8]),
    ) -> Result<Self, WireError> {
        let mut event = Self::default();
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            if let (GRANTS, Value::Bytes(message)) = (number, value) {
                grant(message);
            } else {
                event.set(number, value, text)?;
            }
        }
        Ok(event)
    }

    #[inline(always)]
    fn set(
        &mut self,
        number: u64,
        value: Value<'a>,
        text: impl Fn(&'a [u8]) -> Result<&'a [u8], WireError> + Copy,
    ) -> Result<(), WireError> {
        match (number, value) {
            (1, Value::Bytes(it)) => self.id = it,
            (2, Value::Bytes(it)) => self.site = text(it)?,
            (3, Value::Number(it)) => self.kind = int32(it),
            (4, Value::Number(it)) => self.received_at = it.cast_signed(),
            (5, Value::Bytes(it)) => self.policy_version = it,
            (7, Value::Bytes(it)) => self.consent_record = it,
            (8, Value::Fixed(it)) => self.key_epoch = it,
            (9, Value::Bytes(it)) => self.name = text(it)?,
            (10, Value::Bytes(it)) => self.path = text(it)?,
            (11, Value::Bytes(it)) => self.query.push(pair(it, text)?),
            (12, Value::Bytes(it)) => self.title = text(it)?,
            (13, Value::Bytes(it)) => self.referrer_host = text(it)?,
            (14, Value::Bytes(it)) => self.referrer_path = text(it)?,
            (15, Value::Bytes(it)) => self.campaign.merge(it, text)?,
            (16, Value::Bytes(it)) => self.language = text(it)?,
            (17, Value::Number(it)) => self.screen_width = uint32(it),
            (18, Value::Number(it)) => self.screen_height = uint32(it),
            (19, Value::Bytes(it)) => self.browser = text(it)?,
            (20, Value::Bytes(it)) => self.browser_version = text(it)?,
            (21, Value::Bytes(it)) => self.os = text(it)?,
            (22, Value::Bytes(it)) => self.os_version = text(it)?,
            (23, Value::Number(it)) => self.device = int32(it),
            (24, Value::Bytes(it)) => self.bot = text(it)?,
            (25, Value::Bytes(it)) => self.country = text(it)?,
            (26, Value::Bytes(it)) => self.region = text(it)?,
            (27, Value::Bytes(it)) => self.city = text(it)?,
            (28, Value::Number(it)) => self.network_number = uint32(it),
            (29, Value::Bytes(it)) => self.network = text(it)?,
            (30, Value::Bytes(it)) => self.address = it,
            (31, Value::Number(it)) => self.address_prefix = uint32(it),
            (32, Value::Bytes(it)) => self.address_hash = it,
            (33, Value::Bytes(it)) => self.visitor = it,
            (34, Value::Bytes(it)) => self.visitor_previous = it,
            (35, Value::Number(it)) => self.dwell_ms = uint32(it),
            (36, Value::Number(it)) => self.scroll_percent = Some(uint32(it)),
            (37, Value::Bytes(it)) => self.props.push(pair(it, text)?),
            (38, Value::Bytes(it)) => self.source = text(it)?,
            (LAST, Value::Number(it)) => self.channel = int32(it),
            (..=LAST, _) => return Err(WireError::NotProtobuf),
            _ => {}
        }
        Ok(())
    }
}

impl<'a> CampaignView<'a> {
    fn merge(
        &mut self,
        message: &'a [u8],
        text: impl Fn(&'a [u8]) -> Result<&'a [u8], WireError>,
    ) -> Result<(), WireError> {
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (1, Value::Bytes(it)) => self.source = text(it)?,
                (2, Value::Bytes(it)) => self.medium = text(it)?,
                (3, Value::Bytes(it)) => self.name = text(it)?,
                (4, Value::Bytes(it)) => self.term = text(it)?,
                (5, Value::Bytes(it)) => self.content = text(it)?,
                (..=5, _) => return Err(WireError::NotProtobuf),
                _ => {}
            }
        }
        Ok(())
    }
}

// === impl GrantView ===

impl<'a> GrantView<'a> {
    pub(super) fn read(message: &'a [u8]) -> Result<Self, WireError> {
        let mut grant = Self::default();
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (1, Value::Bytes(it)) => grant.purpose = text(it)?,
                (2, Value::Number(it)) => grant.basis = int32(it),
                (3, Value::Number(it)) => grant.expires_at = it.cast_signed(),
                (4, Value::Fixed(it)) => grant.fields = it,
                (..=4, _) => return Err(WireError::NotProtobuf),
                _ => {}
            }
        }
        Ok(grant)
    }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    pub(super) const fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The number of the next field, and what it says.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, WireError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.number()?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => {
                let (bytes, rest) = self.0.split_first_chunk().ok_or(WireError::NotProtobuf)?;
                self.0 = rest;
                Value::Fixed(u64::from_le_bytes(*bytes))
            }
            2 => {
                let length = self.number()?;
                let length = usize::try_from(length).map_err(|_| WireError::NotProtobuf)?;
                Value::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Value::Unknown
            }
            _ => return Err(WireError::NotProtobuf),
        };
        match key >> 3 {
            // Numbers of fields begin with 1, and have 29 bits.
            0 | 0x2000_0000.. => Err(WireError::NotProtobuf),
            number => Ok(Some((number, value))),
        }
    }

    #[inline(always)]
    fn number(&mut self) -> Result<u64, WireError> {
        // Keys have one or two bytes, most lengths and numbers one.
        match self.0 {
            [byte @ ..=0x7f, rest @ ..] => {
                self.0 = rest;
                return Ok(u64::from(*byte));
            }
            [low, high @ ..=0x7f, rest @ ..] => {
                self.0 = rest;
                return Ok(u64::from(low & 0x7f) | u64::from(*high) << 7);
            }
            _ => {}
        }
        decode_varint(&mut self.0).map_err(|_| WireError::NotProtobuf)
    }

    #[inline(always)]
    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(WireError::NotProtobuf)?;
        self.0 = rest;
        Ok(bytes)
    }
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, WireError> {
    std::str::from_utf8(bytes).map_err(|_| WireError::NotProtobuf)
}

fn pair<'a>(
    message: &'a [u8],
    text: impl Fn(&'a [u8]) -> Result<&'a [u8], WireError>,
) -> Result<PairView<'a>, WireError> {
    let mut pair = PairView::default();
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(it)) => pair.0 = text(it)?,
            (2, Value::Bytes(it)) => pair.1 = text(it)?,
            (..=2, _) => return Err(WireError::NotProtobuf),
            _ => {}
        }
    }
    Ok(pair)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "as Protobuf says of numbers that are too wide"
)]
const fn uint32(number: u64) -> u32 {
    number as u32
}

const fn int32(number: u64) -> i32 {
    uint32(number).cast_signed()
}
