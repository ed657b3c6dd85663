use std::collections::HashSet;

use candor_policy::Registry;

use super::question::Answer;
use super::*;

/// A policy of two sites with a purpose.
fn policy(id: &str, purpose: &str, more: &str) -> String {
    format!(
        "[controller]\nid = \"{id}\"\nname = \"A\"\ncontact = \"a@example.org\"\n\
         [[sites]]\nname = \"{id}-1\"\nhosts = [\"localhost\"]\n\
         [[sites]]\nname = \"{id}-2\"\nhosts = [\"localhost\"]\n\
         [purposes.statistics]\nbasis = \"consent\"\n{purpose}\n{more}"
    )
}

fn schema(policies: &[String]) -> Schema {
    let files: Vec<_> = policies.iter().map(|text| ("a.toml", text.as_str())).collect();
    Schema::of(&Registry::compile(files).unwrap())
}

fn columns() -> HashSet<&'static str> {
    crate::column::COLUMNS.iter().map(|column| column.name).collect()
}

fn purpose(name: &str) -> Purpose {
    Purpose::parse(name).unwrap()
}

fn answer(site: &str, kind: &str, counts: usize) -> Answer {
    Answer {
        site: site.to_owned(),
        kind: kind.to_owned(),
        days_max: 731,
        counts: vec![7; counts],
        parameters: (vec!["a".to_owned(), "b".to_owned()], vec![2, 3]),
    }
}

fn ask(schema: &Schema, name: &str, columns: &HashSet<&str>, rows: &[(&str, &str)]) -> String {
    let purpose = purpose(name);
    let question = Question::new(schema, &purpose, columns);
    let counts = question.sql().matches("countIf(").count() + 8;
    let answers: Vec<_> = rows.iter().map(|(site, kind)| answer(site, kind, counts)).collect();
    let findings = question.findings(&answers);
    let stricter = Stricter { tables: vec![Table { purpose, findings }] };
    stricter.steps(schema).iter().map(ToString::to_string).collect()
}

#[test]
fn sites_with_the_same_rule_share_a_command_and_a_table_has_one_statement() {
    let rule = "retention = \"13 months\"\nfields = [\"path\"]";
    let schema = schema(&[policy("a", rule, ""), policy("b", rule, "")]);
    let few = HashSet::from(["path", "title"]);
    let rows = [("a-1", "pageview"), ("b-1", "pageview"), ("b-2", "chat"), ("none", "chat")];
    let sql = ask(&schema, "statistics", &few, &rows);
    let (shown, _) = sql.split_once("CREATE OR REPLACE VIEW").unwrap();
    assert_eq!(
        shown,
        "-- 21 rows of a-1, b-1, b-2 in statistics: kept for up to 731 days, now for 13 months\n\
         -- 21 rows of a-1, b-1, b-2 in statistics: title no longer kept, emptied\n\
         INSERT INTO candor.batches__changed (table) VALUES ('statistics_rows');\n\
         ALTER TABLE candor.statistics_rows\n  \
         UPDATE expires_at = least(expires_at, addMonths(received_at, 13)) \
         WHERE site IN ('a-1', 'b-1', 'b-2') AND (expires_at > addMonths(received_at, 13)),\n  \
         UPDATE title = '' WHERE site IN ('a-1', 'b-1', 'b-2') AND (title != '')\n\
         SETTINGS mutations_sync = 2;\n\
         INSERT INTO candor.batches__changed (table) VALUES ('statistics_rows');\n"
    );
}

#[test]
fn the_question_is_one_and_names_no_site() {
    let policies: Vec<_> = (0..50)
        .map(|n| policy(&format!("a{n}"), "retention = \"90 days\"\nfields = [\"path\"]", ""))
        .collect();
    let schema = schema(&policies);
    let sql = Question::new(&schema, &purpose("statistics"), &columns()).sql();
    assert!(!sql.contains("a1-1") && sql.len() < 3_000, "{sql}");
    assert_eq!(sql.matches("addDays(received_at, 90)").count(), 1);
}

#[test]
fn what_goes_altogether_is_deleted_and_not_changed_first() {
    let rule = "retention = \"13 months\"\nfields = [\"path\"]\nkinds = [\"pageview\"]";
    let schema = schema(&[policy("a", rule, "")]);
    let none = HashSet::new();
    let kinds = ask(&schema, "statistics", &none, &[("a-1", "chat"), ("a-2", "another")]);
    assert!(kinds.contains("7 rows of a-1 in statistics: chat no longer kept, deleted"), "{kinds}");
    assert!(kinds.contains("DELETE WHERE site IN ('a-1') AND kind IN ('engagement'"), "{kinds}");
    assert!(!kinds.contains("UPDATE"), "{kinds}");
    let gone = ask(&schema, "orders", &none, &[("a-2", "chat"), ("unknown", "chat")]);
    assert_eq!(
        gone,
        "-- 7 rows of a-2 in orders: the policy no longer has the purpose, deleted\n\
         INSERT INTO candor.batches__changed (table) VALUES ('orders_rows');\n\
         ALTER TABLE candor.orders_rows\n  DELETE WHERE site IN ('a-2')\n\
         SETTINGS mutations_sync = 2;\n\
         INSERT INTO candor.batches__changed (table) VALUES ('orders_rows');\n"
    );
}

#[test]
fn kinds_with_a_period_of_their_own_have_a_command_of_their_own() {
    let rule = "retention = \"13 months\"\nfields = [\"path\"]\n\
                [purposes.statistics.categories]\nchat = \"30 days\"";
    let schema = schema(&[policy("a", rule, "")]);
    let sql = ask(&schema, "statistics", &HashSet::new(), &[("a-1", "chat"), ("a-1", "click")]);
    for part in [
        "-- 7 rows of a-1 in statistics: chat kept for up to 731 days, now for 30 days\n",
        "WHERE site IN ('a-1') AND kind IN ('chat') AND (expires_at > addDays(received_at, 30))",
        "kind IN ('pageview', 'engagement', 'click', ",
    ] {
        assert!(sql.contains(part), "{part}: {sql}");
    }
}

/// Whatever is loose, views hide it from the first statement to the last, and the last ones show all.
#[test]
fn views_hide_what_is_overdue_until_it_is_gone() {
    let rule = "retention = \"13 months\"\nfields = [\"path\", \"bot\"]";
    let schema = schema(&[policy("a", rule, "")]);
    let purpose = purpose("statistics");
    let question = Question::new(&schema, &purpose, &HashSet::new());
    let findings = question.findings(&[answer("a-1", "chat", 1)]);
    let stricter = Stricter { tables: vec![Table { purpose: purpose.clone(), findings }] };
    let guards = stricter.guards();
    let guard = " AND NOT (site IN ('a-1') AND addMonths(received_at, 13) <= now())";
    assert_eq!(guards.get(&purpose).map(String::as_str), Some(guard));

    let guarded = schema.views(&purpose, guard);
    assert!(guarded.len() == 2 && guarded.iter().all(|view| view.create.contains(guard)));
    let steps: Vec<_> = stricter.steps(&schema).iter().map(ToString::to_string).collect();
    let [_, told, alter, told_again, views @ ..] = steps.as_slice() else { panic!("no statement") };
    assert!(alter.starts_with("ALTER TABLE") && views.len() == 2);
    assert!(told.starts_with("INSERT INTO candor.batches__changed") && told == told_again);
    assert!(
        views.iter().all(|view| view.starts_with("CREATE OR REPLACE") && !view.contains(guard))
    );
}

#[test]
fn parameters_and_addresses_are_cut_to_what_is_kept() {
    let rule = "retention = \"13 months\"\nfields = [\"query\", \"address\"]";
    let more = "[page]\nkeep_query = [\"a\"]\n[address]\nmode = \"truncate\"\nv4 = 16\nv6 = 32";
    let schema = schema(&[policy("a", rule, more)]);
    let sql = ask(&schema, "statistics", &columns(), &[("a-2", "pageview")]);
    for part in [
        "-- 3 query parameters of a-2 in statistics: b no longer kept, removed\n",
        "UPDATE query = mapFilter((parameter, value) -> (site, parameter) NOT IN (('a-2', 'b')), query) \
         WHERE site IN ('a-2') AND \
         (arrayExists(parameter -> (site, parameter) IN (('a-2', 'b')), mapKeys(query)))",
        "addresses cut to 16 bits of IPv4 and 32 bits of IPv6\n",
        "no hash of an address is kept, emptied\n",
        "address_prefix = if(startsWith(IPv6NumToString(address), '::ffff:'), 16, 32) WHERE",
    ] {
        assert!(sql.contains(part), "{part}: {sql}");
    }
}
