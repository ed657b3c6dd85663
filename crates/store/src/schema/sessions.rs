//! Visits as sessions: a view for each purpose that keeps an id of its visitors.
//!
//! A session ends after half an hour without an event. When keys rotate, a visitor goes on under another
//! id; as long as the rows say what it was before, such a session is whole.
//!
//! Who asks for some weeks must not pay for all months, and no condition on when a session began can be
//! passed down to the rows. So sessions are made day by day, from the events of the day, those of the
//! morning after, and those of the hour before, which tell what goes on. `docs/decisions/0014-sessions.md`
//! has what was measured.

mod columns;

use std::fmt::Write;

use candor_event::{Field, FieldSet, Purpose};
use candor_policy::{Policy, PurposeRule};

use super::views::team_view_name;
use super::{Relation, Schema, columns as columns_of};

use columns::{Column, FIRST, declared, session_columns};

/// Seconds without an event after which a session has ended. Also the most that a key outlives its
/// rotation.
const GAP_S: u32 = 1_800;
/// The most seconds that one event may say that its page was seen before: more is no reason to believe
/// that the visitor was there. With the gap it is the hour before midnight that decides what goes on.
const SEEN_S_MAX: u32 = 1_800;
/// The hour, UTC, at which a session that began the day before is no longer followed.
const MORNING_HOUR: u32 = 6;
/// Seconds for which a row may say its visitor's former id, as the column's TTL says. Asked for, since
/// TTL empties columns when it likes.
const FORMER_S: u32 = 86_400;
/// Seconds within which everything lies that has an id of which a former one is known: `FORMER_S`, what
/// a key outlives its rotation, and some for clocks.
const STITCHED_S: u32 = 90_000;
/// The most rotations over which a visitor is followed: four a hour, for a day.
const ROTATIONS_MAX: u32 = 96;

const NOBODY: &str = "toUUID('00000000-0000-0000-0000-000000000000')";

// === impl Schema ===

impl Schema {
    /// The sessions of everyone, robots left out where they are known. None without an id.
    pub(super) fn sessions_view(&self, purpose: &Purpose) -> Option<Relation> {
        let fields = self.purposes.get(purpose).copied().unwrap_or_default();
        if !has_sessions(fields) {
            return None;
        }
        let people = if fields.contains(Field::Bot) { "_people" } else { "" };
        let select = select(&format!("{}.{purpose}{people}", self.database), fields);
        Some(self.view(&sessions_name(purpose), &declared(&session_columns(fields)), &select))
    }

    /// What the team of one controller is given of it.
    pub(super) fn team_sessions_view(
        &self,
        policy: &Policy,
        sites: &str,
        rule: &PurposeRule,
    ) -> Option<Relation> {
        let name = team_sessions_name(rule, policy.controller().id())?;
        let columns = session_columns(rule.fields());
        let names: Vec<_> = columns.iter().map(|column| column.name).collect();
        let select = format!(
            "SELECT {} FROM {}.{} WHERE site IN ({sites})",
            names.join(", "),
            self.database,
            sessions_name(rule.name()),
        );
        Some(self.view(&name, &declared(&columns), &select))
    }
}

/// The view of one controller's sessions, if it has any.
pub(super) fn team_sessions_name(rule: &PurposeRule, controller: &str) -> Option<String> {
    has_sessions(rule.fields()).then(|| team_view_name(&sessions_name(rule.name()), controller))
}

fn has_sessions(fields: FieldSet) -> bool {
    fields.contains(Field::Visitor)
}

/// No purpose ends like this.
fn sessions_name(purpose: &Purpose) -> String {
    format!("{purpose}_sessions")
}

/// The sessions of the events in a guarded view.
fn select(view: &str, fields: FieldSet) -> String {
    let made: Vec<_> = session_columns(fields)
        .iter()
        .map(
            |Column { name, sql, .. }| {
                if name == sql { sql.clone() } else { format!("{sql} AS {name}") }
            },
        )
        .collect();
    // `rank` finds the first event: one that means something before the mere looking at a page, and a page
    // view before what comes in its second.
    let window = "PARTITION BY person, day, site ORDER BY received_at, active_from";
    format!(
        "{}\nSELECT {}\nFROM (\n\
         SELECT *, sum(begins) OVER ({window}) AS number,\n\
         toUInt64(received_at) * 2 + (kind != 'pageview') + (kind = 'engagement') * 17179869184 AS rank\n\
         FROM (\n\
         SELECT *, active_from - toInt64(lagInFrame(received_at) OVER ({window})) >= {GAP_S} AS begins\n\
         FROM (\n\
         SELECT *, toInt64(received_at) - seen_s AS active_from\n\
         FROM (\n{}\n)\n)\n)\n)\n\
         GROUP BY site, person, day, number\n\
         HAVING toDate(min(received_at)) = day AND countIf(kind != 'engagement') > 0",
        persons(view),
        made.join(",\n  "),
        events(view, fields),
    )
}

/// Who is who: the ids of the last day that have a former one, each with the first id of that person. A
/// recursion, for short-lived keys make long chains.
fn persons(view: &str) -> String {
    let since = ago(FORMER_S);
    format!(
        "WITH RECURSIVE former AS (\n\
         SELECT site, visitor AS id, max(visitor_previous) AS previous FROM {view}\n\
         WHERE received_at > {since} AND visitor_previous != {NOBODY} AND visitor != {NOBODY}\n\
         GROUP BY site, visitor\n\
         ), chain AS (\n\
         SELECT site, id, previous AS person, 1 AS steps FROM former\n\
         UNION ALL\n\
         SELECT chain.site, chain.id, former.previous AS person, chain.steps + 1 AS steps\n\
         FROM chain INNER JOIN former ON chain.site = former.site AND chain.person = former.id\n\
         WHERE chain.steps < {ROTATIONS_MAX}\n\
         ), persons AS (\n\
         SELECT site, id, argMax(person, steps) AS person FROM chain GROUP BY site, id\n\
         )"
    )
}

/// The events, each with its person, once for each day to whose sessions it may belong.
fn events(view: &str, fields: FieldSet) -> String {
    let needed = [Field::Visitor, Field::Path, Field::Dwell].into_iter().chain(FIRST);
    let needed: FieldSet = needed.filter(|field| fields.contains(*field)).collect();
    let names: Vec<_> = columns_of(needed)
        .iter()
        .filter(|column| column.field.is_some() && column.name != "visitor_previous")
        .map(|column| column.name)
        .collect();
    let names = format!("site, kind, received_at, {}", names.join(", "));
    let seen = if fields.contains(Field::Dwell) {
        format!("toUInt32(least(intDiv(dwell_ms, 1000), {SEEN_S_MAX}))")
    } else {
        "toUInt32(0)".to_owned()
    };
    let settled = days(view, &names, &format!("received_at < {}", ago(STITCHED_S)));
    let recent = days(view, &names, &format!("received_at >= {}", ago(STITCHED_S)));
    // Whatever a client sets for joins, who has no former id is no NULL.
    format!(
        "SELECT {names}, day, {seen} AS seen_s, visitor AS person\nFROM (\n{settled}\n)\n\
         UNION ALL\n\
         SELECT {names}, day, {seen} AS seen_s,\n\
         ifNull(nullIf(persons.person, {NOBODY}), visitor) AS person\n\
         FROM (\n{recent}\n) AS recent\n\
         LEFT JOIN persons ON recent.site = persons.site AND recent.visitor = persons.id"
    )
}

/// So many seconds ago. A question in itself, for that is asked once: `now()` may be two seconds in two
/// places of a query, and a row between them would be there twice, or not at all.
fn ago(seconds: u32) -> String {
    format!("(SELECT now() - {seconds})")
}

/// Events for the sessions of their own day, of the day before, and of the day after.
fn days(view: &str, names: &str, when: &str) -> String {
    let mut sql = String::new();
    for (day, besides) in [
        ("toDate(received_at)", String::new()),
        ("toDate(received_at) - 1", format!(" AND toHour(received_at) < {MORNING_HOUR}")),
        ("toDate(received_at) + 1", " AND toHour(received_at) = 23".to_owned()),
    ] {
        let union = if sql.is_empty() { "" } else { "\nUNION ALL\n" };
        // Writing to a string cannot fail.
        write!(
            sql,
            "{union}SELECT {names}, {day} AS day FROM {view} WHERE visitor != {NOBODY} AND {when}{besides}"
        )
        .ok();
    }
    sql
}

#[cfg(test)]
mod tests;
