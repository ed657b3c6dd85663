//! What people read: views that hide what is overdue, and every column that could link rows.

use candor_event::{Field, FieldSet, Purpose};
use candor_policy::{Policy, PurposeRule};

use super::{Relation, RelationKind, Schema, columns};

// === impl Schema ===

impl Schema {
    /// The guarded view of everyone, and the one without bots. What `guard` asks for besides is hidden.
    pub(crate) fn views(&self, purpose: &Purpose, guard: &str) -> Vec<Relation> {
        let fields = self.purposes.get(purpose).copied().unwrap_or_default();
        let visible: Vec<_> =
            columns(fields).iter().filter(|c| c.visible).map(|column| column.in_view()).collect();
        let rows = format!("{}.{purpose}_rows", self.database);
        let select =
            format!("SELECT {} FROM {rows} WHERE expires_at > now(){guard}", visible.join(", "));
        let mut views = vec![self.view(purpose.as_str(), "", &select)];
        if fields.contains(Field::Bot) {
            let people = format!("{select} AND bot = ''");
            views.push(self.view(&format!("{purpose}_people"), "", &people));
        }
        views
    }

    /// What the teams of one controller are given: its sites, and what its policy keeps.
    pub(super) fn team_views(&self, policy: &Policy) -> Vec<Relation> {
        let sites: Vec<_> =
            policy.sites().iter().map(|site| format!("'{}'", site.name())).collect();
        let sites = sites.join(", ");
        let views = |rule| {
            let sessions = self.team_sessions_view(policy, &sites, rule);
            std::iter::once(self.team_view(policy, &sites, rule)).chain(sessions)
        };
        policy.purposes().iter().flat_map(views).collect()
    }

    /// The columns are named, for a view of `*` breaks when the view below it loses one.
    fn team_view(&self, policy: &Policy, sites: &str, rule: &PurposeRule) -> Relation {
        let select = format!(
            "SELECT {} FROM {}.{} WHERE site IN ({sites})",
            visible(rule.fields()).join(", "),
            self.database,
            rule.name(),
        );
        self.view(&team_view_name(rule.name().as_str(), policy.controller().id()), "", &select)
    }

    /// A view runs with the rights of who migrates, so that readers need none on the rows. `columns` may
    /// declare what it shows.
    pub(super) fn view(&self, name: &str, columns: &str, select: &str) -> Relation {
        let mark = blake3::hash([columns, select].concat().as_bytes()).to_hex();
        let mark: String = mark.chars().take(16).collect();
        let create = format!(
            "CREATE OR REPLACE VIEW {}.{name}{columns}\nDEFINER = CURRENT_USER SQL SECURITY DEFINER\nAS {select}\n\
             COMMENT 'candor {mark}'",
            self.database
        );
        Relation { name: name.to_owned(), create, kind: RelationKind::View }
    }
}

/// The view of one controller's rows or sessions. Neither part can have two underscores in it, or one at the side
/// where they meet.
pub(super) fn team_view_name(purpose: &str, controller: &str) -> String {
    format!("{purpose}__{controller}")
}

/// The columns that a view shows of rows with these fields.
fn visible(fields: FieldSet) -> Vec<&'static str> {
    columns(fields).iter().filter(|column| column.visible).map(|column| column.name).collect()
}
