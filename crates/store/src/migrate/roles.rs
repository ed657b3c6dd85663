//! Roles: what the policies' readers may read, and nothing else.
//!
//! The embedded engine keeps no roles, and a server's may lie in files. Then the statements are shown for
//! whoever can run them.

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::Row;
use serde::Deserialize;

use super::Step;
use crate::error::Cause;
use crate::schema::{Role, Schema};
use crate::{Store, StoreError};

/// The roles of policies that a server has.
#[derive(Debug, Default)]
struct Present {
    roles: BTreeSet<String>,
    /// By role.
    grants: BTreeMap<String, Vec<Grant>>,
    /// Roles that roles have.
    members: Vec<(String, String)>,
}

/// A right that a role has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Row)]
struct Grant {
    role: String,
    access: String,
    object: String,
    /// Empty: all.
    database: String,
    table: String,
    column: String,
    is_wildcard: u8,
}

/// What it takes to bring a server's roles to what the policies say.
pub(super) async fn steps(store: &Store, schema: &Schema) -> Result<Vec<Step>, StoreError> {
    let wanted = schema.roles();
    match obstacle(store).await? {
        None => Ok(difference(&wanted, &Present::read(store, &schema.role_prefix()).await?)),
        Some(_) if wanted.is_empty() => Ok(Vec::new()),
        Some(why) => {
            let statements: Vec<_> = wanted.iter().flat_map(Role::statements).collect();
            let text = format!(
                "the roles of the policies were left out: {why}\n{};",
                statements.join(";\n")
            );
            Ok(vec![Step::Remark(text)])
        }
    }
}

/// Why roles cannot be made here, if so.
async fn obstacle(store: &Store) -> Result<Option<&'static str>, StoreError> {
    const MAY: &str = "CHECK GRANT CREATE ROLE ON *.*";
    const CAN: &str =
        "SELECT count() > 0 FROM system.user_directories WHERE type NOT IN ('users_xml', 'ldap')";
    for (question, why) in [
        (MAY, "this user may not make any (GRANT CREATE ROLE ON *.*). Let one who may run these:"),
        (CAN, "this ClickHouse has no place to keep them. On one that has, run these:"),
    ] {
        if !store.says_yes(question).await? {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

fn difference(wanted: &[Role], present: &Present) -> Vec<Step> {
    let mut steps = Vec::new();
    let known: BTreeMap<_, _> = wanted.iter().map(|role| (role.name.as_str(), role)).collect();
    for (role, granted) in &present.members {
        steps.push(Step::Statement(format!("REVOKE {granted} FROM {role}")));
    }
    for name in &present.roles {
        let role = known.get(name.as_str());
        for grant in present.grants.get(name).into_iter().flatten() {
            if !role.is_some_and(|role| grant.is_wanted(role)) {
                steps.push(grant.revoke());
            }
        }
        if role.is_none() {
            steps.push(Step::Remark(format!(
                "no policy has the role {name}: it can read nothing, and could be dropped"
            )));
        }
    }
    for role in wanted {
        let grants = present.grants.get(&role.name).map_or(&[][..], Vec::as_slice);
        let is_granted = |view: &&String| grants.iter().any(|grant| grant.is_on(role, view));
        if !present.roles.contains(&role.name) {
            steps.push(Step::Statement(role.create()));
        }
        let missing = role.views.iter().filter(|view| !is_granted(view));
        steps.extend(missing.map(|view| Step::Statement(role.grant(view))));
    }
    steps
}

// === impl Store ===

impl Store {
    /// Whether the server answers 1. One that does not know the question does not.
    async fn says_yes(&self, question: &str) -> Result<bool, StoreError> {
        match self.client.query(question).fetch_one::<u8>().await {
            Ok(answer) => Ok(answer == 1),
            Err(error) => match StoreError::read(&error) {
                StoreError::Read(Cause::Server { code, .. }) if code > 0 => Ok(false),
                error => Err(error),
            },
        }
    }
}

// === impl Present ===

impl Present {
    async fn read(store: &Store, prefix: &str) -> Result<Self, StoreError> {
        let failed = |error: clickhouse::error::Error| StoreError::read(&error);
        let roles = "SELECT name FROM system.roles WHERE startsWith(name, ?)";
        let grants = "SELECT assumeNotNull(role_name) AS role, toString(access_type) AS access, \
            access_object AS object, ifNull(database, '') AS database, ifNull(table, '') AS table, \
            ifNull(column, '') AS column, is_wildcard FROM system.grants \
            WHERE startsWith(ifNull(role_name, ''), ?) AND NOT is_partial_revoke";
        let members = "SELECT assumeNotNull(role_name), granted_role_name FROM system.role_grants \
            WHERE startsWith(ifNull(role_name, ''), ?)";
        let roles: Vec<String> =
            store.client.query(roles).bind(prefix).fetch_all().await.map_err(failed)?;
        let found: Vec<Grant> =
            store.client.query(grants).bind(prefix).fetch_all().await.map_err(failed)?;
        let members = store.client.query(members).bind(prefix).fetch_all().await.map_err(failed)?;
        let mut grants = BTreeMap::<String, Vec<Grant>>::new();
        for grant in found {
            grants.entry(grant.role.clone()).or_default().push(grant);
        }
        Ok(Self { roles: roles.into_iter().collect(), grants, members })
    }
}

// === impl Grant ===

impl Grant {
    fn is_wanted(&self, role: &Role) -> bool {
        role.views.iter().any(|view| self.is_on(role, view))
    }

    /// Whether it is the right to read this view, all of it and nothing more.
    fn is_on(&self, role: &Role, view: &str) -> bool {
        let place = (self.database.as_str(), self.table.as_str(), self.column.as_str());
        self.access == "SELECT" && place == (&role.database, view, "") && self.is_wildcard == 0
    }

    /// Takes it back, or asks a person to, when its names would need quotes.
    fn revoke(&self) -> Step {
        let is_plain = |name: &String| {
            name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') && !name.is_empty()
        };
        let names = [&self.database, &self.table, &self.column];
        let is_odd = names.iter().any(|name| !name.is_empty() && !is_plain(name));
        if is_odd || self.is_wildcard != 0 || !self.object.is_empty() {
            return Step::Remark(format!(
                "the role {} has a right to {} that no policy gives: look at SHOW GRANTS FOR {0} and \
                 take it back",
                self.role, self.access
            ));
        }
        let or_all = |name: &str| if name.is_empty() { "*".to_owned() } else { name.to_owned() };
        let column =
            if self.column.is_empty() { String::new() } else { format!("({})", self.column) };
        Step::Statement(format!(
            "REVOKE {}{column} ON {}.{} FROM {}",
            self.access,
            or_all(&self.database),
            or_all(&self.table),
            self.role
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, views: &[&str]) -> Role {
        let views = views.iter().map(ToString::to_string).collect();
        Role { name: name.to_owned(), database: "candor".to_owned(), views }
    }

    fn select(role: &str, table: &str) -> Grant {
        Grant {
            role: role.to_owned(),
            access: "SELECT".to_owned(),
            database: "candor".to_owned(),
            table: table.to_owned(),
            ..Grant::default()
        }
    }

    fn present(grants: Vec<Grant>) -> Present {
        let roles = grants.iter().map(|grant| grant.role.clone()).collect();
        let mut by_role = BTreeMap::<_, Vec<_>>::new();
        for grant in grants {
            by_role.entry(grant.role.clone()).or_default().push(grant);
        }
        Present { roles, grants: by_role, members: Vec::new() }
    }

    fn shown(steps: &[Step]) -> String {
        steps.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_right_is_left_alone() {
        let wanted = [role("candor__a__x", &["statistics__a"])];
        let present = present(vec![select("candor__a__x", "statistics__a")]);
        assert_eq!(difference(&wanted, &present), []);
    }

    #[test]
    fn what_is_missing_is_given_and_what_is_too_much_is_taken() {
        let wanted =
            [role("candor__a__x", &["statistics__a"]), role("candor__a__y", &["orders__a"])];
        let mut present = present(vec![
            select("candor__a__x", "orders__a"),
            Grant { access: "INSERT".to_owned(), ..select("candor__a__x", "statistics__a") },
            Grant { column: "path".to_owned(), ..select("candor__a__x", "statistics_rows") },
            Grant { database: String::new(), ..select("candor__a__x", "") },
            Grant { table: "odd name".to_owned(), ..select("candor__a__x", "") },
            select("candor__gone__z", "statistics__gone"),
        ]);
        present.members.push(("candor__a__x".to_owned(), "readers".to_owned()));
        assert_eq!(
            shown(&difference(&wanted, &present)),
            "REVOKE readers FROM candor__a__x;\n\
             REVOKE SELECT ON candor.orders__a FROM candor__a__x;\n\
             REVOKE INSERT ON candor.statistics__a FROM candor__a__x;\n\
             REVOKE SELECT(path) ON candor.statistics_rows FROM candor__a__x;\n\
             REVOKE SELECT ON *.* FROM candor__a__x;\n\
             -- the role candor__a__x has a right to SELECT that no policy gives: look at SHOW GRANTS \
             FOR candor__a__x and take it back\n\
             REVOKE SELECT ON candor.statistics__gone FROM candor__gone__z;\n\
             -- no policy has the role candor__gone__z: it can read nothing, and could be dropped\n\
             GRANT SELECT ON candor.statistics__a TO candor__a__x;\n\
             CREATE ROLE IF NOT EXISTS candor__a__y;\n\
             GRANT SELECT ON candor.orders__a TO candor__a__y;\n"
        );
    }
}
