//! Networks by range of addresses: the CSV of ip-location-db (`first,last,number,organisation`), held as
//! sorted tables. 515,000 ranges take 22 MB and are read within a second.
#![expect(clippy::disallowed_types, reason = "ranges of a database, no visitor's address")]

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Sub;
use std::path::Path;

/// Ranges of addresses, and whose network each is.
#[derive(Debug, Default)]
pub(super) struct Table {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    networks: Vec<(u32, Box<str>)>,
}

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum TableError {
    /// It is not a file of comma-separated values.
    #[error("it is not CSV")]
    Csv(#[from] csv::Error),
    /// It has no range at all.
    #[error("it is empty")]
    Empty,
    /// A line is not `first,last,number,organisation`.
    #[error("line {0} is not `first,last,number,organisation`")]
    Line(u64),
    /// A range lies within another, so that nobody can tell which is meant.
    #[error("a range lies within another")]
    Nested,
}

/// Ranges that do not overlap, in order.
#[derive(Debug)]
struct Ranges<T>(Vec<Range<T>>);

#[derive(Clone, Copy, Debug)]
struct Range<T> {
    first: T,
    last: T,
    /// The place of its network among all.
    network: u32,
}

// === impl Table ===

impl Table {
    /// Reads a file.
    pub(super) fn open(path: &Path) -> Result<Self, TableError> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(path)?;
        let mut table = Self::default();
        let mut known = HashMap::new();
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record)? {
            let line = record.position().map_or(0, csv::Position::line);
            table.add(&record, &mut known).ok_or(TableError::Line(line))?;
        }
        table.v4.sort()?;
        table.v6.sort()?;
        if table.networks.is_empty() { Err(TableError::Empty) } else { Ok(table) }
    }

    /// Adds a line; `None` when it is none.
    fn add(
        &mut self,
        record: &csv::StringRecord,
        known: &mut HashMap<(u32, Box<str>), u32>,
    ) -> Option<()> {
        let first: IpAddr = record.get(0)?.parse().ok()?;
        let last: IpAddr = record.get(1)?.parse().ok()?;
        let network = (record.get(2)?.parse().ok()?, record.get(3)?.into());
        let next = u32::try_from(self.networks.len()).ok()?;
        let network = *known.entry(network).or_insert_with_key(|network| {
            self.networks.push(network.clone());
            next
        });
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                self.v4.0.push(Range { first: first.to_bits(), last: last.to_bits(), network });
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                self.v6.0.push(Range { first: first.to_bits(), last: last.to_bits(), network });
            }
            _ => return None,
        }
        Some(())
    }

    /// The number and the name of the network that an address lies in.
    pub(super) fn find(&self, address: IpAddr) -> Option<(u32, &str)> {
        let network = match address {
            IpAddr::V4(address) => self.v4.find(address.to_bits()),
            IpAddr::V6(address) => self.v6.find(address.to_bits()),
        };
        let (number, name) = self.networks.get(usize::try_from(network?).ok()?)?;
        Some((*number, name))
    }
}

// === impl Ranges ===

impl<T: Copy + Ord + From<u8> + Sub<Output = T>> Ranges<T> {
    /// Puts the ranges in order. Real tables have a few that run on into the next one: there they end.
    fn sort(&mut self) -> Result<(), TableError> {
        self.0.sort_unstable_by_key(|range| range.first);
        self.0.shrink_to_fit();
        let mut next = None::<Range<T>>;
        for range in self.0.iter_mut().rev() {
            if let Some(next) = next.filter(|next| range.last >= next.first) {
                if range.first == next.first || range.last >= next.last {
                    return Err(TableError::Nested);
                }
                range.last = next.first - T::from(1);
            }
            next = Some(*range);
        }
        Ok(())
    }

    fn find(&self, address: T) -> Option<u32> {
        let after = self.0.partition_point(|range| range.first <= address);
        let range = self.0.get(after.checked_sub(1)?)?;
        (address <= range.last).then_some(range.network)
    }
}

impl<T> Default for Ranges<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn table(text: &str) -> Result<Table, TableError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Table::open(file.path())
    }

    #[test]
    fn an_address_is_found_in_its_range_alone() {
        let table = table(
            "192.0.2.0,192.0.2.255,64500,\"Example, Inc.\"\n2001:db8::,2001:db8:ffff::,64501,Six\n\
             192.0.4.0,192.0.4.127,64500,\"Example, Inc.\"\n",
        )
        .unwrap();
        let cases = [
            ("192.0.2.0", Some((64_500, "Example, Inc."))),
            ("192.0.2.255", Some((64_500, "Example, Inc."))),
            ("192.0.4.127", Some((64_500, "Example, Inc."))),
            ("192.0.4.128", None),
            ("192.0.3.0", None),
            ("192.0.1.255", None),
            ("2001:db8:1::", Some((64_501, "Six"))),
            ("2001:db9::", None),
        ];
        for (address, want) in cases {
            assert_eq!(table.find(address.parse().unwrap()), want, "{address}");
        }
        assert_eq!(table.networks.len(), 2, "a name is held once");
    }

    #[test]
    fn what_is_no_table_is_refused() {
        assert!(matches!(table(""), Err(TableError::Empty)));
        for line in
            ["a,b,c,d", "192.0.2.0,192.0.2.9,1", "192.0.2.0,::1,1,x", "192.0.2.0,192.0.2.9,-1,x"]
        {
            let text = format!("192.0.0.0,192.0.0.1,1,x\n{line}\n");
            assert!(table(&text).is_err(), "{line}");
        }
        for inner in ["192.0.2.3,192.0.2.5", "192.0.2.3,192.0.2.9", "192.0.2.0,192.0.2.20"] {
            let nested = format!("192.0.2.0,192.0.2.9,1,x\n{inner},2,y\n");
            assert!(matches!(table(&nested), Err(TableError::Nested)), "{inner}");
        }
        assert!(matches!(table("192.0.2.0,192.0.2.9,1,x\n,,,\n"), Err(TableError::Line(2))));
    }

    #[test]
    fn a_range_that_runs_on_into_the_next_ends_there() {
        let overlap =
            "192.0.2.0,192.0.2.9,1,x\n192.0.2.8,192.0.2.20,2,y\n192.0.2.15,192.0.2.30,3,z\n";
        let table = table(overlap).unwrap();
        for (address, want) in [
            ("192.0.2.7", 1),
            ("192.0.2.8", 2),
            ("192.0.2.14", 2),
            ("192.0.2.15", 3),
            ("192.0.2.30", 3),
        ] {
            assert_eq!(table.find(address.parse().unwrap()).map(|(number, _)| number), Some(want));
        }
    }
}
