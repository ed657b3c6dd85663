//! Rows of every kind under policies of every kind, held against a model: after a migration each row has
//! what the policy lets it have and had before, no more and no less.

use std::collections::BTreeMap;

use candor_event::{Field, FieldSet, Kind, Purpose, Timestamp};
use candor_policy::{AddressMode, PurposeRule, compile};
use candor_tests::{Candor, Policy, policy};
use serde_json::{Map, Value, json};

use super::suite::schema::{is_idle, migrate};

const ROWS: u32 = 400;
/// Rows that fall due while the test runs are not looked at.
const CLOSE_S: i64 = 120;

/// The fields that rows have, with their columns. Every row says something in each.
const FIELDS: [(Field, &[&str]); 8] = [
    (Field::Path, &["path"]),
    (Field::Title, &["title"]),
    (Field::Campaign, &["campaign_source", "campaign_term"]),
    (Field::Screen, &["screen_width", "screen_height"]),
    (Field::Dwell, &["dwell_ms"]),
    (Field::Scroll, &["scroll_percent"]),
    (Field::Query, &["query"]),
    (Field::Address, &["address", "address_prefix"]),
];

/// One policy after the other. What a looser one allows again does not come back.
fn policies() -> Vec<Policy> {
    let all = ["path", "title", "campaign", "screen", "dwell", "scroll", "query", "address"];
    let purpose = |retention: &str, fields: &[&str]| {
        policy().purpose("statistics", "consent", retention, fields)
    };
    let cut = |v4: u8, v6: u8| format!("[address]\nmode = \"truncate\"\nv4 = {v4}\nv6 = {v6}");
    let query = "[page]\nkeep_query = [\"a\", \"b\"]";
    vec![
        purpose("36 months", &all).with(query).with(&cut(24, 48)),
        purpose("35 months", &all)
            .with("[purposes.statistics.categories]\nchat = \"13 months\"\nclick = \"400 days\"")
            .with(query)
            .with(&cut(23, 41)),
        purpose("36 months", &all[1..]).with("[page]\nkeep_query = [\"b\"]").with(&cut(24, 33)),
        purpose("25 months", &["path", "scroll", "address", "screen"])
            .with("kinds = [\"pageview\", \"chat\", \"form\"]")
            .with(&cut(8, 16)),
        purpose("11 months", &["scroll", "screen"]),
        purpose("366 days", &["path", "scroll"]).with("kinds = [\"pageview\"]"),
    ]
}

/// Rows of thirteen months, with promises of all lengths, many received at ends of months.
fn fill(candor: &Candor) {
    let kinds: Vec<_> = Kind::ALL.iter().map(|kind| format!("'{}'", kind.label())).collect();
    let columns: Vec<_> = FIELDS.iter().flat_map(|(_, columns)| *columns).copied().collect();
    candor.sql(&format!(
        "INSERT INTO candor.statistics_rows \
         (site, kind, received_at, expires_at, policy_version, {}) \
         WITH cityHash64(number, 'kind') AS a, cityHash64(number, 'time') AS b, \
              cityHash64(number, 'promise') AS c, \
              if(a % 3 = 0, toStartOfMonth(now()) - INTERVAL b % 13 MONTH - 1, \
                 now() - toIntervalSecond(b % (400 * 86400))) AS received \
         SELECT 'demo', [{}][a % {} + 1], received, now() + toIntervalSecond(600 + c % (1000 * 86400)), \
                toUUID(concat('00000000-0000-4000-8000-', leftPad(toString(number), 12, '0'))), \
                '/p', 'T', 's', 't', 1280, 720, 5000, b % 101, \
                [map('a', '1'), map('a', '1', 'b', '2'), map('b', '2')][c % 3 + 1], \
                if(b % 2 = 0, toIPv6('::ffff:198.51.100.0'), toIPv6('2001:db8:77::')), \
                if(b % 2 = 0, 24, 48) \
         FROM numbers({ROWS})",
        columns.join(", "),
        kinds.join(", "),
        kinds.len(),
    ));
}

type Rows = BTreeMap<String, Map<String, Value>>;

/// All rows but those that fall due about now.
fn rows(candor: &Candor, now: i64) -> Rows {
    let sql = "SELECT policy_version, kind, toUnixTimestamp(received_at) AS received_at, \
               toUnixTimestamp(expires_at) AS expires_at, * EXCEPT (policy_version, kind, received_at, \
               expires_at, site, basis, key_epoch, event_id, log, log_partition, log_offset, log_index, \
               stored_at, campaign_medium, campaign_name, campaign_content) \
               FROM candor.statistics_rows FORMAT JSONEachRow";
    let text = candor.sql(sql);
    let rows = text.lines().map(|line| serde_json::from_str::<Map<_, _>>(line).unwrap());
    rows.map(|row| (row["policy_version"].as_str().unwrap().to_owned(), row))
        .filter(|(_, row)| row["expires_at"].as_i64().unwrap() > now + CLOSE_S)
        .collect()
}

/// What is left of a row; `None`: nothing.
fn left(
    mut row: Map<String, Value>,
    policy: &candor_policy::Policy,
    now: i64,
) -> Option<Map<String, Value>> {
    let rule = policy.purpose(&Purpose::parse("statistics").unwrap()).unwrap();
    let kind = Kind::ALL.into_iter().find(|kind| row["kind"] == kind.label()).unwrap();
    let received = Timestamp::from_unix(row["received_at"].as_i64().unwrap());
    let expires =
        rule.period(kind).expires(received).unix().min(row["expires_at"].as_i64().unwrap());
    if !rule.kinds().contains(kind) || expires <= now + CLOSE_S {
        return None;
    }
    row.insert("expires_at".to_owned(), json!(expires));
    empty(&mut row, rule);
    if let Some(query) = row["query"].as_object_mut() {
        query.retain(|name, _| policy.keeps_query(name));
    }
    if let AddressMode::Truncate { v4, v6 } = policy.address() {
        cut(&mut row, v4, v6);
    }
    Some(row)
}

fn empty(row: &mut Map<String, Value>, rule: &PurposeRule) {
    for (field, columns) in FIELDS {
        for column in columns.iter().filter(|_| !rule.fields().contains(field)) {
            let nothing = match (*column, &row[*column]) {
                ("scroll_percent", _) => json!(255),
                ("address", _) => json!("::"),
                (_, Value::Number(_)) => json!(0),
                (_, Value::Object(_)) => json!({}),
                _ => json!(""),
            };
            row.insert((*column).to_owned(), nothing);
        }
    }
}

/// The bits of the addresses that rows have, by how many are kept.
fn cut(row: &mut Map<String, Value>, v4: u8, v6: u8) {
    let prefix = row["address_prefix"].as_u64().unwrap();
    let is_v4 = row["address"].as_str().unwrap().starts_with("::ffff:");
    let (kept, address) = match (is_v4, if is_v4 { v4 } else { v6 }) {
        (true, 23) => (23, "::ffff:198.51.100.0"),
        (true, 8) => (8, "::ffff:198.0.0.0"),
        (false, 41) => (41, "2001:db8::"),
        (false, 33) => (33, "2001:db8::"),
        (false, 16) => (16, "2001::"),
        (_, other) => (u64::from(other), row["address"].as_str().unwrap()),
    };
    if kept < prefix {
        let address = address.to_owned();
        row.insert("address_prefix".to_owned(), json!(kept));
        row.insert("address".to_owned(), json!(address));
    }
}

#[test]
fn no_row_is_looser_than_its_policy_and_none_loses_more() {
    let mut candor = Candor::with_policy(policies().swap_remove(0));
    fill(&candor);
    let now: i64 = candor.sql("SELECT toUnixTimestamp(now())").parse().unwrap();
    let mut changed = 0;
    for text in policies() {
        let compiled = compile("test.toml", text.text()).unwrap();
        let before = rows(&candor, now);
        candor.change_policy(text);
        let (ok, said) = migrate(&candor, &[]);
        assert!(ok, "{said}");
        let after = rows(&candor, now);
        let want: Rows = before
            .iter()
            .filter_map(|(id, row)| Some((id.clone(), left(row.clone(), &compiled, now)?)))
            .collect();
        assert_eq!(after.len(), want.len());
        for (id, row) in &want {
            assert_eq!(after.get(id), Some(row));
        }
        changed += usize::from(before != after);
        let (ok, said) = migrate(&candor, &["--dry-run"]);
        assert!(ok && is_idle(&said), "{said}");
    }
    assert_eq!(changed, 6, "each policy had something to change");
    assert_ne!(rows(&candor, now).len(), 0, "something is left to look at");
}

/// The fields of the model are those of the policies.
#[test]
fn the_model_knows_every_field() {
    let known = FieldSet::of(&FIELDS.map(|(field, _)| field));
    for text in policies() {
        let compiled = compile("test.toml", text.text()).unwrap();
        assert_eq!(compiled.fields().union(known), known);
    }
}
