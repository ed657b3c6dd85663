//! Whether what was sent is there: what `candor load` counts at its end.

use candor_event::Purpose;

use crate::{Store, StoreError};

/// Rows of a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// How many.
    pub rows: u64,
    /// Of how many events.
    pub events: u64,
}

impl Store {
    /// What there is below a path.
    ///
    /// # Errors
    /// [`StoreError::Read`]; also when the purpose keeps no paths.
    pub async fn delivered(&self, purpose: &Purpose, path: &str) -> Result<Delivered, StoreError> {
        let sql = format!(
            "SELECT count(), uniqExact(event_id) FROM {}.{purpose}_rows \
             WHERE startsWith(path, ?)",
            self.database
        );
        let query = self.client.query(&sql).bind(path);
        let counted: Result<(u64, u64), _> = query.fetch_one().await;
        let (rows, events) = counted.map_err(|error| StoreError::read(&error))?;
        Ok(Delivered { rows, events })
    }
}
