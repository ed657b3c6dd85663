//! Who reads what: a role for each role of each policy.

use candor_event::Purpose;
use candor_policy::Policy;

use super::Schema;
use super::sessions::team_sessions_name;
use super::views::team_view_name;

/// A role, and the views that it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) database: String,
    pub(crate) views: Vec<String>,
}

// === impl Schema ===

impl Schema {
    /// How the names of all roles of policies begin. Roles belong to a server, not to a database.
    pub(crate) fn role_prefix(&self) -> String {
        format!("{}__", self.database)
    }

    /// The roles of all policies. No two have the same name, for a controller's id neither begins with
    /// an underscore nor has two of them within, and a role begins with a letter.
    pub(crate) fn roles(&self) -> Vec<Role> {
        let of_policy = |policy: &std::sync::Arc<Policy>| {
            let controller = policy.controller().id();
            let role = |role: &candor_policy::Role| Role {
                name: format!("{}{controller}__{}", self.role_prefix(), role.name()),
                database: self.database.clone(),
                views: role.reads().iter().flat_map(|name| views(policy, name)).collect(),
            };
            policy.roles().iter().map(role).collect::<Vec<_>>()
        };
        self.policies.iter().flat_map(of_policy).collect()
    }
}

// === impl Role ===

impl Role {
    /// What makes it, and gives it what it reads.
    pub(crate) fn statements(&self) -> Vec<String> {
        let grants = self.views.iter().map(|view| self.grant(view));
        std::iter::once(self.create()).chain(grants).collect()
    }

    pub(crate) fn create(&self) -> String {
        format!("CREATE ROLE IF NOT EXISTS {}", self.name)
    }

    pub(crate) fn grant(&self, view: &str) -> String {
        format!("GRANT SELECT ON {}.{view} TO {}", self.database, self.name)
    }
}

/// What a team is given of a purpose: its rows, and its sessions if it has any.
fn views(policy: &Policy, purpose: &Purpose) -> Vec<String> {
    let controller = policy.controller().id();
    let rows = team_view_name(purpose.as_str(), controller);
    let rule = policy.purpose(purpose);
    let sessions = rule.and_then(|rule| team_sessions_name(rule, controller));
    std::iter::once(rows).chain(sessions).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use candor_policy::Registry;

    use super::*;

    fn policy(controller: &str, roles: &[&str]) -> String {
        let table =
            |role: &&str| format!("[roles.{role}]\ntitle = \"R\"\nreads = [\"statistics\"]\n");
        let roles: String = roles.iter().map(table).collect();
        format!(
            "[controller]\nid = \"{controller}\"\nname = \"A\"\ncontact = \"a@example.org\"\n\
             [[sites]]\nname = \"{controller}\"\nhosts = [\"localhost\"]\n\
             [purposes.statistics]\nbasis = \"consent\"\nretention = \"1 months\"\nfields = [\"path\"]\n{roles}"
        )
    }

    #[test]
    fn no_two_roles_have_the_same_name() {
        let (first, second) =
            (policy("a", &["b", "b_", "b__c"]), policy("a_", &["b", "c", "b__c"]));
        let third = policy("a_b", &["b", "c", "d"]);
        let files = [("1", &*first), ("2", &*second), ("3", &*third)];
        let roles = Schema::of(&Registry::compile(files).unwrap()).roles();
        let names: HashSet<_> = roles.iter().map(|role| role.name.as_str()).collect();
        assert_eq!(names.len(), 9);
        assert!(names.contains("candor__a__b") && names.contains("candor__a___b"));
    }

    #[test]
    fn a_role_reads_its_own_controllers_view() {
        let text = policy("acme", &["analyst"]);
        let schema = Schema::of(&Registry::compile([("1", &*text)]).unwrap());
        let statements: Vec<_> = schema.statements().collect();
        let (_, roles) = statements.split_at(statements.len() - 2);
        assert_eq!(
            roles,
            [
                "CREATE ROLE IF NOT EXISTS candor__acme__analyst",
                "GRANT SELECT ON candor.statistics__acme TO candor__acme__analyst"
            ]
        );
    }
}
