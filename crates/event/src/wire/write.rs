//! A draft into a record, in one go: its length first, so that the record has room for exactly that.

use bytes::Bytes;

use crate::draft::{CampaignDraft, Draft, Facts, GrantDraft, Named};

/// Encodes a draft, under its grants, as a batch of one: the bytes that [`encode`](super::encode) makes of the
/// same event.
pub fn write<'g>(draft: &Draft<'_>, grants: impl Iterator<Item = GrantDraft<'g>> + Clone) -> Bytes {
    let event = Granted { draft, grants };
    let length = length(&event);
    let mut head = Length(0);
    head.head(EVENTS, length);
    let mut record = Vec::with_capacity(head.0 + length);
    record.head(EVENTS, length);
    event.write(&mut record);
    record.into()
}

/// The number of the field that a batch has its events in.
const EVENTS: u64 = 1;

/// A message of the contract. Fields that say nothing are left out, as Protobuf does.
trait Message {
    fn write(&self, out: &mut impl Out);
}

/// An event as it is encoded.
struct Granted<'a, 'd, G> {
    draft: &'a Draft<'d>,
    grants: G,
}

/// Where a message goes.
trait Out: Sized {
    fn put(&mut self, bytes: &[u8]);

    fn varint(&mut self, number: u64);

    /// A message of a known length.
    fn body(&mut self, message: &impl Message, length: usize);

    fn number(&mut self, field: u64, number: impl Into<u64>) {
        let number = number.into();
        if number != 0 {
            self.varint(field << 3);
            self.varint(number);
        }
    }

    fn fixed(&mut self, field: u64, number: u64) {
        if number != 0 {
            self.varint(field << 3 | 1);
            self.put(&number.to_le_bytes());
        }
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.head(field, bytes.len());
            self.put(bytes);
        }
    }

    fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn id(&mut self, field: u64, id: Option<[u8; 16]>) {
        if let Some(id) = id {
            self.bytes(field, &id);
        }
    }

    fn message(&mut self, field: u64, message: &impl Message) {
        let length = length(message);
        self.head(field, length);
        self.body(message, length);
    }

    /// What stands before so many bytes.
    fn head(&mut self, field: u64, length: usize) {
        self.varint(field << 3 | 2);
        self.varint(length as u64);
    }
}

/// Counts bytes.
struct Length(usize);

fn length(message: &impl Message) -> usize {
    let mut length = Length(0);
    message.write(&mut length);
    length.0
}

// === impl Out ===

impl Out for Length {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn varint(&mut self, number: u64) {
        let bits = 64 - (number | 1).leading_zeros();
        self.0 += bits.div_ceil(7) as usize;
    }

    fn body(&mut self, _: &impl Message, length: usize) {
        self.0 += length;
    }
}

impl Out for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn varint(&mut self, mut number: u64) {
        while number > 0x7f {
            self.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.push(number.to_le_bytes()[0]);
    }

    fn body(&mut self, message: &impl Message, _: usize) {
        message.write(self);
    }
}

// === impl Message ===

impl<'g, G: Iterator<Item = GrantDraft<'g>> + Clone> Message for Granted<'_, '_, G> {
    fn write(&self, out: &mut impl Out) {
        let Draft { id, site, kind, received_at, policy_version, key_epoch, facts } = self.draft;
        out.bytes(1, id.as_bytes());
        out.text(2, site);
        out.number(3, *kind as u32);
        out.number(4, received_at.cast_unsigned());
        out.bytes(5, policy_version.as_bytes());
        for grant in self.grants.clone() {
            out.message(6, &grant);
        }
        // 7 is reserved for the consent ledger.
        out.fixed(8, *key_epoch);
        facts.write(out);
    }
}

impl Message for Facts<'_> {
    fn write(&self, out: &mut impl Out) {
        out.text(9, &self.name);
        out.text(10, &self.path);
        self.query.iter().for_each(|pair| out.message(11, pair));
        out.text(12, &self.title);
        out.text(13, &self.referrer_host);
        out.text(14, &self.referrer_path);
        if self.campaign != CampaignDraft::default() {
            out.message(15, &self.campaign);
        }
        out.text(16, self.language);
        out.number(17, self.screen_width);
        out.number(18, self.screen_height);
        out.text(19, self.browser);
        out.text(20, self.browser_version);
        out.text(21, self.os);
        out.text(22, self.os_version);
        out.number(23, self.device as u32);
        out.text(24, self.bot);
        out.text(25, self.country);
        out.text(26, self.region);
        out.text(27, self.city);
        out.number(28, self.network_number);
        out.text(29, self.network);
        if let Some(address) = self.address {
            out.bytes(30, &address.octets());
            out.number(31, address.prefix());
        }
        out.id(32, self.address_hash);
        out.id(33, self.visitor);
        out.id(34, self.visitor_previous);
        out.number(35, self.dwell_ms);
        if let Some(percent) = self.scroll_percent {
            // Nothing scrolled is said, too.
            out.varint(36 << 3);
            out.varint(percent.into());
        }
        self.props.iter().for_each(|pair| out.message(37, pair));
        out.text(38, &self.source);
        out.number(39, self.channel as u32);
    }
}

impl Message for Named<'_> {
    fn write(&self, out: &mut impl Out) {
        out.text(1, &self.0);
        out.text(2, &self.1);
    }
}

impl Message for CampaignDraft<'_> {
    fn write(&self, out: &mut impl Out) {
        let Self { source, medium, name, term, content } = self;
        for (field, text) in (1..).zip([source, medium, name, term, content]) {
            out.text(field, text);
        }
    }
}

impl Message for GrantDraft<'_> {
    fn write(&self, out: &mut impl Out) {
        out.text(1, self.purpose);
        out.number(2, self.basis as u32);
        out.number(3, self.expires_at.cast_unsigned());
        out.fixed(4, self.fields.bits());
    }
}
