//! Policies for tests: short ones that say only what matters.

use std::fmt::Write;

/// A policy file in the making: one site, `demo`, on `localhost`.
#[derive(Clone, Debug)]
pub struct Policy {
    text: String,
}

/// A policy without purposes.
pub fn policy() -> Policy {
    let text = "[controller]\nid = \"test\"\nname = \"Test\"\ncontact = \"test@example.org\"\n\
                [[sites]]\nname = \"demo\"\nhosts = [\"localhost\"]\n"
        .to_owned();
    Policy { text }
}

impl Policy {
    /// A policy file as it is.
    pub fn of(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// Adds a purpose.
    #[must_use]
    pub fn purpose(mut self, name: &str, basis: &str, retention: &str, fields: &[&str]) -> Self {
        let assessed = basis == "legitimate-interest";
        let assessment = if assessed { "assessment = \"LIA 1\"\n" } else { "" };
        write!(
            self.text,
            "[purposes.{name}]\nbasis = \"{basis}\"\n{assessment}retention = \"{retention}\"\n\
             fields = {fields:?}\n"
        )
        .unwrap();
        self
    }

    /// Adds any other table.
    #[must_use]
    pub fn with(mut self, table: &str) -> Self {
        self.text.push_str(table);
        self.text.push('\n');
        self
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }
}
