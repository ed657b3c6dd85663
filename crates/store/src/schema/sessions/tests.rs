use std::collections::HashSet;

use candor_policy::Registry;

use super::super::Guards;
use super::*;

/// A policy with a purpose `statistics` that keeps these fields.
fn policy(controller: &str, fields: &str) -> String {
    format!(
        "[controller]\nid = \"{controller}\"\nname = \"A\"\ncontact = \"a@example.org\"\n\
         [[sites]]\nname = \"{controller}\"\nhosts = [\"localhost\"]\n\
         [visitor]\nmode = \"rotating\"\n\
         [purposes.statistics]\nbasis = \"consent\"\nretention = \"1 months\"\nfields = [{fields}]\n\
         [purposes.improvement]\nbasis = \"consent\"\nretention = \"1 months\"\nfields = [\"visitor\"]\n\
         [roles.analyst]\nreads = [\"statistics\", \"improvement\"]\n"
    )
}

fn schema(policies: &[String]) -> Schema {
    let files: Vec<_> = policies.iter().map(|text| ("a.toml", text.as_str())).collect();
    Schema::of(&Registry::compile(files).unwrap())
}

fn names(schema: &Schema) -> Vec<String> {
    schema.relations(&Guards::new()).into_iter().map(|relation| relation.name).collect()
}

fn create(schema: &Schema, name: &str) -> String {
    let relations = schema.relations(&Guards::new());
    relations.into_iter().find(|relation| relation.name == name).unwrap().create
}

fn shown(fields: &[Field]) -> Vec<&'static str> {
    session_columns(FieldSet::of(fields)).iter().map(|column| column.name).collect()
}

#[test]
fn a_purpose_without_an_id_has_no_sessions() {
    let schema = schema(&[policy("acme", "\"path\"")]);
    let sessions: Vec<_> = names(&schema).into_iter().filter(|n| n.contains("_sessions")).collect();
    assert_eq!(sessions, ["improvement_sessions", "improvement_sessions__acme"]);
}

#[test]
fn what_a_purpose_does_not_keep_is_in_no_session() {
    let least = [
        "site",
        "day",
        "visitor",
        "began_at",
        "ended_at",
        "duration_s",
        "pages",
        "events",
        "is_bounce",
    ];
    assert_eq!(shown(&[Field::Visitor, Field::Title, Field::Props, Field::Address]), least);
    let more = shown(&[Field::Visitor, Field::Path, Field::Dwell, Field::Campaign, Field::Country]);
    assert_eq!(
        more.strip_prefix(&least).unwrap(),
        [
            "entry_path",
            "exit_path",
            "dwell_ms",
            "campaign_source",
            "campaign_medium",
            "campaign_name",
            "campaign_term",
            "campaign_content",
            "country"
        ]
    );
    let improvement = create(&schema(&[policy("acme", "\"path\"")]), "improvement_sessions");
    assert!(!improvement.contains("path") && !improvement.contains("dwell_ms"), "{improvement}");
}

#[test]
fn sessions_are_those_of_people_where_robots_are_known() {
    let with = create(&schema(&[policy("acme", "\"visitor\", \"bot\"")]), "statistics_sessions");
    let without = create(&schema(&[policy("acme", "\"visitor\"")]), "statistics_sessions");
    assert!(!with.contains("FROM candor.statistics WHERE"), "{with}");
    assert!(with.contains("FROM candor.statistics_people WHERE"), "{with}");
    assert!(without.contains("FROM candor.statistics WHERE"), "{without}");
}

/// Only the guarded views are read, so that nothing overdue is in a session.
#[test]
fn sessions_are_made_of_what_people_may_read() {
    let schema = schema(&[policy("acme", "\"visitor\", \"path\", \"dwell\", \"bot\"")]);
    for name in ["statistics_sessions", "improvement_sessions", "statistics_sessions__acme"] {
        assert!(!create(&schema, name).contains("_rows"), "{name}");
    }
    let order = names(&schema);
    let place = |name: &str| order.iter().position(|other| other == name).unwrap();
    assert!(place("statistics_people") < place("statistics_sessions"));
    assert!(place("statistics_sessions") < place("statistics_sessions__acme"));
}

#[test]
fn a_team_sees_its_sites_and_what_its_policy_keeps() {
    let fields = "\"visitor\", \"path\", \"browser\"";
    let schema = schema(&[policy("acme", "\"visitor\""), policy("other", fields)]);
    let acme = create(&schema, "statistics_sessions__acme");
    let select = "AS SELECT site, day, visitor, began_at, ended_at, duration_s, pages, events, is_bounce \
                  FROM candor.statistics_sessions WHERE site IN ('acme')\n";
    assert!(acme.contains(select), "{acme}");
    assert!(create(&schema, "statistics_sessions__other").contains("exit_path, browser FROM"));
    let acme =
        schema.roles().into_iter().find(|role| role.name == "candor__acme__analyst").unwrap();
    let views = ["improvement", "improvement_sessions", "statistics", "statistics_sessions"];
    let mut read = acme.views;
    read.sort();
    assert_eq!(read, views.map(|view| format!("{view}__acme")));
}

/// A controller may be called like a part of another's views.
#[test]
fn no_two_relations_have_the_same_name() {
    let fields = "\"visitor\", \"bot\"";
    let policies =
        ["acme", "sessions", "people", "rows", "a_sessions_b"].map(|id| policy(id, fields));
    let names = names(&schema(&policies));
    let distinct: HashSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
}

#[test]
fn every_column_explains_itself() {
    let create = create(&schema(&[policy("acme", "\"visitor\"")]), "statistics_sessions");
    for column in session_columns(FieldSet::of(&Field::ALL)) {
        assert!(column.comment.ends_with('.'), "{}", column.name);
    }
    assert!(create.contains("day Date COMMENT 'The day, UTC"), "{create}");
}
