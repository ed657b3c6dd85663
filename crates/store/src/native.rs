//! Blocks of ClickHouse's Native format: column by column, each distinct text of a column once.
//!
//! The client's own builder sends a text as often as it occurs, and ClickHouse makes the dictionaries of the table from
//! that. The format: <https://clickhouse.com/docs/interfaces/formats/Native>; how a `LowCardinality` lies in it is said by
//! ClickHouse's `SerializationLowCardinality`.

use std::hash::BuildHasher;
use std::ops::Range;

use bytes::Bytes;
use hashbrown::HashTable;

/// A block in the making. All its columns have as many values as it has rows.
#[derive(Debug)]
pub(crate) struct Block {
    rows: usize,
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    name: &'static str,
    sql_type: &'static str,
    values: Values,
}

/// The values of a column. Of which of its parts they are made depends on the column's type.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// Of a `Map`: where each row's pairs end.
    ends: Vec<u64>,
    /// Of a `LowCardinality(String)`: the texts. Of a `Map`: the names.
    texts: Dictionary,
    /// Everything else, as it lies in ClickHouse's memory, a `String` with its length before it. Of a `Map`: the values.
    bytes: Vec<u8>,
}

/// Distinct texts, and which of them each row has. It has its texts itself: those of the events lie all over memory, and
/// to look at them again would cost more than everything else.
#[derive(Debug, Default)]
struct Dictionary {
    numbers: HashTable<u32>,
    hasher: foldhash::quality::RandomState,
    /// Each distinct text with its length before it.
    texts: Vec<u8>,
    /// Where each of them lies, by its number.
    places: Vec<Range<usize>>,
    rows: Vec<u32>,
}

/// The version of a dictionary's serialisation: each block brings its own.
const OWN_DICTIONARY: u64 = 1;
/// That the block brings its dictionary, and that it is another than that of the block before.
const BRINGS_DICTIONARY: u64 = 1 << 9 | 1 << 10;

// === impl Block ===

impl Block {
    pub(crate) const fn new(rows: usize) -> Self {
        Self { rows, columns: Vec::new() }
    }

    /// Adds a column of this name and of a type as ClickHouse writes it.
    pub(crate) fn column(&mut self, name: &'static str, sql_type: &'static str, values: Values) {
        self.columns.push(Column { name, sql_type, values });
    }

    /// What is sent, column by column; what was taken is not kept.
    pub(crate) fn into_pieces(self) -> impl Iterator<Item = Bytes> {
        let mut head = Vec::new();
        put_length(&mut head, self.columns.len());
        put_length(&mut head, self.rows);
        std::iter::once(head.into()).chain(self.columns.into_iter().map(Column::into_piece))
    }
}

impl Column {
    fn into_piece(self) -> Bytes {
        let Values { ends, texts, bytes } = self.values;
        let mut piece = Vec::with_capacity(
            8 * ends.len() + texts.texts.len() + 4 * texts.rows.len() + bytes.len() + 128,
        );
        put_text(&mut piece, self.name.as_bytes());
        put_text(&mut piece, self.sql_type.as_bytes());
        if self.sql_type.contains("LowCardinality") {
            piece.extend(OWN_DICTIONARY.to_le_bytes());
        }
        piece.extend(ends.into_iter().flat_map(u64::to_le_bytes));
        texts.put(&mut piece);
        piece.extend(bytes);
        piece.into()
    }
}

// === impl Values ===

impl Values {
    /// Room for so many texts that repeat, and so many other bytes.
    pub(crate) fn with_room(texts: usize, bytes: usize) -> Self {
        let texts = Dictionary { rows: Vec::with_capacity(texts), ..Dictionary::default() };
        Self { texts, bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// The values of all rows, with how to write one.
    pub(crate) fn of<T>(rows: impl IntoIterator<Item = T>, write: impl Fn(&mut Self, T)) -> Self {
        let mut values = Self::default();
        rows.into_iter().for_each(|row| write(&mut values, row));
        values
    }

    pub(crate) fn u8(&mut self, number: u8) {
        self.bytes.push(number);
    }

    pub(crate) fn u16(&mut self, number: u16) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, number: u32) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, number: u64) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    /// An `IPv6`, from its first byte.
    pub(crate) fn address(&mut self, address: [u8; 16]) {
        self.bytes.extend_from_slice(&address);
    }

    /// A `UUID`, which ClickHouse keeps as two numbers of 64 bits.
    pub(crate) fn uuid(&mut self, id: [u8; 16]) {
        let id = u128::from_be_bytes(id).rotate_left(64);
        self.bytes.extend_from_slice(&id.to_le_bytes());
    }

    /// A `String`.
    pub(crate) fn text(&mut self, text: impl AsRef<[u8]>) {
        put_text(&mut self.bytes, text.as_ref());
    }

    /// A `LowCardinality(String)`.
    pub(crate) fn repeating(&mut self, text: impl AsRef<[u8]>) {
        self.texts.push(text.as_ref());
    }

    /// A `Map(LowCardinality(String), …)`, with how to write a value.
    pub(crate) fn map<N: AsRef<[u8]>, V>(
        &mut self,
        pairs: impl IntoIterator<Item = (N, V)>,
        write: impl Fn(&mut Self, V),
    ) {
        for (name, value) in pairs {
            self.texts.push(name.as_ref());
            write(self, value);
        }
        self.ends.push(self.texts.rows.len() as u64);
    }
}

// === impl Dictionary ===

impl Dictionary {
    fn push(&mut self, text: &[u8]) {
        // Rows that follow each other often say the same.
        let number = match self.rows.last() {
            Some(last) if self.text(*last) == text => *last,
            _ => self.number(text),
        };
        self.rows.push(number);
    }

    fn number(&mut self, text: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(text);
        if let Some(number) = self.numbers.find(hash, |it| self.text(*it) == text) {
            return *number;
        }
        // No batch has as many rows as 32 bits can count.
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        put_text(&mut self.texts, text);
        self.places.push(self.texts.len() - text.len()..self.texts.len());
        let Self { numbers, hasher, texts, places, .. } = self;
        numbers.insert_unique(hash, number, |it| hasher.hash_one(at(texts, places, *it)));
        number
    }

    fn text(&self, number: u32) -> &[u8] {
        at(&self.texts, &self.places, number)
    }

    fn put(self, out: &mut Vec<u8>) {
        if self.rows.is_empty() {
            return;
        }
        let distinct = self.places.len();
        // A number of a text takes 8, 16 or 32 bits.
        let width = u64::from(distinct > 1 << 8) + u64::from(distinct > 1 << 16);
        out.extend((width | BRINGS_DICTIONARY).to_le_bytes());
        out.extend((distinct as u64).to_le_bytes());
        out.extend(self.texts);
        out.extend((self.rows.len() as u64).to_le_bytes());
        for row in &self.rows {
            let [first, second, ..] = row.to_le_bytes();
            match width {
                0 => out.push(first),
                1 => out.extend([first, second]),
                _ => out.extend(row.to_le_bytes()),
            }
        }
    }
}

/// The text of this number.
fn at<'a>(texts: &'a [u8], places: &[Range<usize>], number: u32) -> &'a [u8] {
    places.get(number as usize).and_then(|place| texts.get(place.clone())).unwrap_or_default()
}

/// A length, seven bits a byte.
fn put_length(out: &mut Vec<u8>, mut length: usize) {
    while length > 0x7f {
        let [low, ..] = length.to_le_bytes();
        out.push(low | 0x80);
        length >>= 7;
    }
    out.extend(length.to_le_bytes().first());
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_length(out, text.len());
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(block: Block) -> Vec<u8> {
        block.into_pieces().flatten().collect()
    }

    #[test]
    fn a_text_is_sent_once_and_lengths_have_seven_bits_a_byte() {
        let long = "x".repeat(300);
        let mut block = Block::new(4);
        let texts = ["a", &long, "a", "a"];
        block.column("c", "LowCardinality(String)", Values::of(texts, Values::repeating));
        let mut want = vec![1, 4, 1, b'c', 22];
        want.extend(b"LowCardinality(String)");
        want.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        want.extend([1, b'a', 0xac, 2]);
        want.extend(long.as_bytes());
        want.extend([4, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(sent(block), want);
    }

    #[test]
    fn an_id_is_two_numbers() {
        let id = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        let values = Values::of([id], Values::uuid);
        assert_eq!(values.bytes, [7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8]);
    }

    #[test]
    fn many_texts_take_wider_numbers() {
        let texts: Vec<_> = (0..70_000).map(|n| n.to_string()).collect();
        for (distinct, width) in [(256, 1), (257, 2), (65_536, 2), (65_537, 4)] {
            let mut dictionary = Dictionary::default();
            texts.iter().take(distinct).for_each(|text| dictionary.push(text.as_bytes()));
            let mut out = Vec::new();
            let before = dictionary.texts.len() + 24;
            dictionary.put(&mut out);
            assert_eq!(out.len(), before + width * distinct, "{distinct} texts");
        }
    }
}
