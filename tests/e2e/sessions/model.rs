//! Sessions the simple way, and visits to try it with.

use std::collections::{BTreeMap, HashMap};

pub(super) const DAY: i64 = 86_400;
const GAP: i64 = 1_800;

/// A row of `statistics`. Ids are numbers, 0 is none; times are Unix seconds.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) site: &'static str,
    pub(super) kind: &'static str,
    pub(super) at: i64,
    pub(super) expires_at: i64,
    pub(super) path: String,
    pub(super) dwell_ms: i64,
    pub(super) bot: &'static str,
    pub(super) channel: &'static str,
    pub(super) id: u64,
    pub(super) former: u64,
}

impl Event {
    pub(super) fn page(id: u64, at: i64, path: &str) -> Self {
        let (site, kind, expires_at) = ("demo", "pageview", at + 700 * DAY);
        let (dwell_ms, bot, channel, former) = (0, "", "", 0);
        Self {
            site,
            kind,
            at,
            expires_at,
            path: path.to_owned(),
            dwell_ms,
            bot,
            channel,
            id,
            former,
        }
    }

    /// The row in SQL.
    pub(super) fn values(&self) -> String {
        let Self { site, kind, at, expires_at, path, dwell_ms, bot, channel, id, former } = self;
        format!(
            "('{site}', '{kind}', {at}, {expires_at}, '{path}', {dwell_ms}, '{bot}', '{channel}', '{}', '{}')",
            uuid(*id),
            uuid(*former)
        )
    }
}

fn uuid(id: u64) -> String {
    format!("00000000-0000-0000-0000-{id:012}")
}

/// The sessions of these rows, as a query shows them, in order.
pub(super) fn reference(events: &[Event], now: i64) -> Vec<String> {
    let known = events.iter().filter(|event| event.former != 0 && event.at > now - DAY);
    let former: HashMap<_, _> = known.map(|event| (event.id, event.former)).collect();
    let person = |event: &Event| {
        let mut id = event.id;
        while let Some(before) = former.get(&id) {
            id = *before;
        }
        id
    };
    let mut visits = BTreeMap::<_, Vec<&Event>>::new();
    for event in events.iter().filter(|event| event.id != 0 && event.bot.is_empty()) {
        visits.entry((event.site, person(event))).or_default().push(event);
    }
    let mut sessions = Vec::new();
    for mut visit in visits.into_values() {
        visit.sort_by_key(|event| event.at);
        let mut session = Vec::<&Event>::new();
        for event in visit {
            let seen = (event.dwell_ms / 1_000).min(GAP);
            if session.last().is_some_and(|last| event.at - seen - last.at >= GAP) {
                sessions.extend(told(&session));
                session.clear();
            }
            session.push(event);
        }
        sessions.extend(told(&session));
    }
    sessions.sort();
    sessions
}

/// A session in the columns of the query, if it is one.
fn told(session: &[&Event]) -> Option<String> {
    let began = session.first()?.at;
    let morning = began / DAY * DAY + DAY + 6 * 3_600;
    let session: Vec<_> = session.iter().filter(|event| event.at < morning).collect();
    let ended = session.last()?.at;
    let acts = session.iter().filter(|event| event.kind != "engagement").count();
    let first = session.iter().find(|event| event.kind != "engagement")?;
    let pages: Vec<_> = session.iter().filter(|event| event.kind == "pageview").collect();
    let path = |page: Option<&&&&Event>| page.map(|page| page.path.clone()).unwrap_or_default();
    let seen: i64 = session.iter().map(|event| (event.dwell_ms / 1_000).min(GAP)).sum();
    let dwell: i64 = session.iter().map(|event| event.dwell_ms).sum();
    let columns = [
        first.site.to_owned(),
        began.to_string(),
        ended.to_string(),
        (ended - began).max(seen).to_string(),
        pages.len().to_string(),
        session.len().to_string(),
        u8::from(acts == 1).to_string(),
        path(pages.first()),
        path(pages.last()),
        dwell.to_string(),
        uuid(first.id),
    ];
    Some(columns.join("\t"))
}

/// Visitors over some days: with ids of their own, or under keys that live for an hour, five or a day.
pub(super) fn visits(seed: u64, now: i64) -> Vec<Event> {
    let mut dice = Dice(seed);
    let mut events = Vec::new();
    for person in 1..=60 {
        let period = dice.one_of(&[0, 3_600, 18_000, DAY]);
        let site = dice.one_of(&["demo", "other"]);
        let bot = dice.one_of(&["", "", "", "", "", "search"]);
        let mut at = now - 4 * DAY + dice.below(DAY);
        while at < now && events.len() < 20_000 {
            let kind = dice.one_of(&["pageview", "pageview", "engagement", "engagement", "custom"]);
            let dwell_ms = if kind == "engagement" { dice.below(3_000_000) } else { 0 };
            let path = format!("/{}", dice.below(9));
            let (id, former) = ids(person, period, at, now);
            events.push(Event {
                site,
                kind,
                dwell_ms,
                bot,
                id,
                former,
                ..Event::page(0, at, &path)
            });
            at += match dice.below(20) {
                0 => 1 + dice.below(4 * 3_600),
                1 | 2 => GAP - 5 + dice.below(10),
                3..=8 => 1 + dice.below(2_400),
                _ => 1 + dice.below(400),
            };
        }
    }
    events
}

/// The id of that moment, and the former one for half an hour after a rotation. None is said around the
/// moment at which it ceases to count, so that the time which a test takes does not matter.
fn ids(person: u64, period: i64, at: i64, now: i64) -> (u64, u64) {
    if period == 0 {
        return (person * 1_000_000, 0);
    }
    let id = |key: i64| person * 1_000_000 + u64::try_from(key).unwrap() % 1_000_000;
    let crosses = at % period < GAP && (at - (now - DAY)).abs() > 600;
    (id(at / period), if crosses { id(at / period - 1) } else { 0 })
}

/// Numbers as if by chance: the same ones for each seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: i64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % end
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(i64::try_from(of.len()).unwrap())).unwrap()]
    }
}
