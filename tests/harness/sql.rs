//! Questions to ClickHouse, as an analyst's client asks them.

use std::time::{Duration, Instant};

use crate::http::{Answer, Client};

impl Client {
    /// Asks ClickHouse; panics with its error.
    pub fn sql(&self, query: &str) -> String {
        let answer = self.sql_answer(query);
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        answer.body.trim().to_owned()
    }

    /// Asks ClickHouse; the answer may be an error.
    pub fn sql_answer(&self, query: &str) -> Answer {
        self.post("/", &[], query)
    }

    /// Waits until a query has this answer.
    pub fn sql_becomes(&self, query: &str, want: &str) {
        let mut last = String::new();
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            // ClickHouse may be down for a moment in some tests.
            last = self
                .send("POST", "/", &[], query.as_bytes())
                .map_or_else(String::new, |answer| answer.body.trim().to_owned());
            if last == want {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{query}: {last:?} instead of {want:?}");
    }
}
