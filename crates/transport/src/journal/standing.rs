//! Where the consumer of a journal stands, for whoever has not opened it.

use std::collections::BTreeMap;
use std::path::Path;

use super::cursor::{self, Stored};
use super::{JournalError, PARTITION, identity};
use crate::Standing;

/// Reads the cursor, also while the journal is open elsewhere; none when there is no journal.
///
/// # Errors
/// The cursor is missing, damaged, or of another log.
pub fn standing(dir: impl AsRef<Path>) -> Result<Option<Standing>, JournalError> {
    let dir = dir.as_ref();
    let Some(id) = identity::read(dir)? else {
        return Ok(None);
    };
    let stored = settled(dir)?;
    let path = || dir.join(cursor::FILE);
    match stored {
        Some(stored) if stored.log_id == id => {
            let cursors = BTreeMap::from([(PARTITION, stored.cursor)]);
            Ok(Some(Standing { log: id, cursors }))
        }
        Some(_) => Err(JournalError::Foreign { path: path() }),
        None => Err(JournalError::CursorMissing { path: path() }),
    }
}

/// A commit may write over the file that was just opened: then the other one is whole.
fn settled(dir: &Path) -> Result<Option<Stored>, JournalError> {
    let mut tries = 0;
    loop {
        match Stored::read(dir) {
            Err(JournalError::Damaged { .. }) if tries < TRIES => tries += 1,
            read => return read,
        }
    }
}

/// Commits are seldom: so many in a row at the wrong moment are damage.
const TRIES: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Journal, JournalConfig};
    use crate::{Committer, Consumer, Cursor, Delivery};

    #[tokio::test]
    async fn an_open_journal_says_where_it_stands() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(standing(dir.path()).unwrap(), None);
        let opened = Journal::open(dir.path(), JournalConfig::default()).unwrap();
        let (producer, mut consumer) = opened;
        let began = standing(dir.path()).unwrap().unwrap();
        assert!(began.cursors.values().eq([&None]));
        assert!(matches!(consumer.next().await.unwrap(), Delivery::Assigned { .. }));
        let cursor = Cursor { offset: 0, metadata: "note".to_owned() };
        consumer.committer().commit(PARTITION, cursor.clone()).await.unwrap();
        let standing = standing(dir.path()).unwrap().unwrap();
        assert_eq!((standing.log, standing.cursors), (began.log, [(0, Some(cursor))].into()));
        drop(producer);
    }
}
