//! Which rows of a table are at fault: parts of them are inserted, smaller and smaller, from the first to
//! the last.

use candor_store::Slice;

/// What is still to be tried, the next on top.
#[derive(Debug)]
pub(super) struct Sift(Vec<Slice>);

impl Sift {
    /// So many rows, one of which is refused at least.
    pub(super) fn new(rows: usize) -> Self {
        let mut sift = Self(Vec::new());
        if let Some(last) = rows.checked_sub(1) {
            sift.split(Slice { first: 0, last });
        }
        sift
    }

    /// The rows that are tried now; none when all are stored or known to be at fault.
    pub(super) fn slice(&self) -> Option<Slice> {
        self.0.last().copied()
    }

    /// The rows are there.
    pub(super) fn stored(&mut self) {
        self.0.pop();
    }

    /// The rows are refused. When it is one alone, that is the one.
    pub(super) fn refused(&mut self) -> Option<usize> {
        let slice = self.0.pop()?;
        if slice.first == slice.last {
            return Some(slice.first);
        }
        self.split(slice);
        None
    }

    fn split(&mut self, Slice { first, last }: Slice) {
        let middle = first + (last - first) / 2;
        if middle < last {
            self.0.push(Slice { first: middle + 1, last });
        }
        self.0.push(Slice { first, last: middle });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_rows_at_fault_are_found() {
        for rows in 1..20_usize {
            for bad in [vec![0], vec![rows - 1], vec![rows / 2, rows / 3], (0..rows).collect()] {
                let mut sift = Sift::new(rows);
                let (mut found, mut stored) = (Vec::new(), Vec::new());
                while let Some(Slice { first, last }) = sift.slice() {
                    if bad.iter().any(|row| (first..=last).contains(row)) {
                        found.extend(sift.refused());
                    } else {
                        sift.stored();
                        stored.extend(first..=last);
                    }
                }
                let mut bad = bad;
                bad.sort_unstable();
                bad.dedup();
                assert_eq!(found, bad);
                stored.extend(found);
                stored.sort_unstable();
                assert!(stored.into_iter().eq(0..rows), "each row has one end");
            }
        }
    }
}
