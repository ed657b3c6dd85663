//! JSON as the document that the readers of policy files read, every value with its place.

use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use crate::document::Value;
use crate::problem::Problem;

/// Reads an object. What is wrong is noted; the first mistake of grammar alone.
pub(crate) fn parse<'a>(text: &'a str, problems: &mut Vec<Problem>) -> Option<DeTable<'a>> {
    // A value, for ignoring one has no limit to its depth.
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        problems.push(no_json(text, &error));
        return None;
    }
    // From here on the grammar is known to be right, and nothing is nested too deep.
    let mut reader = Reader { text, at: 0, problems };
    let value = reader.value()?;
    let DeValue::Table(table) = value.into_inner() else {
        problems.push(Problem::at(0..text.len(), "not an object").label("expected `{ … }`"));
        return None;
    };
    Some(table)
}

fn no_json(text: &str, error: &serde_json::Error) -> Problem {
    let before: usize =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = (before + error.column().saturating_sub(1)).min(text.len());
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    Problem::at(at..at + 1, message).label("is not JSON")
}

/// Where the reading stands.
struct Reader<'a, 'p> {
    text: &'a str,
    at: usize,
    problems: &'p mut Vec<Problem>,
}

// === impl Reader ===

impl<'a> Reader<'a, '_> {
    fn value(&mut self) -> Option<Value<'a>> {
        self.skip_space();
        let start = self.at;
        let value = match self.peek()? {
            b'{' => DeValue::Table(self.object()?),
            b'[' => DeValue::Array(self.array()?),
            b'"' => DeValue::String(self.string()?),
            b't' | b'f' => DeValue::Boolean(self.word() == "true"),
            b'n' => {
                self.word();
                self.refuse(start, "no value", "leave the key away: `null` means nothing here");
                return None;
            }
            _ => self.number(start)?,
        };
        Some(Spanned::new(start..self.at, value))
    }

    fn object(&mut self) -> Option<DeTable<'a>> {
        let mut table = DeTable::new();
        self.at += 1;
        while self.next_item(b'}')? {
            let start = self.at;
            let key = self.string()?;
            let key = Spanned::new(start..self.at, key);
            self.skip_space();
            // The colon.
            self.at += 1;
            let Some(value) = self.value() else { continue };
            if let Some((first, _)) = table.get_key_value(&**key.get_ref()) {
                let problem = Problem::at(key.span(), "duplicate key").label("cannot be read");
                let problem = problem.related(Some(first.span()), "first here");
                self.problems.push(problem.help("write it once"));
            }
            table.insert(key, value);
        }
        Some(table)
    }

    fn array(&mut self) -> Option<DeArray<'a>> {
        let mut array = DeArray::new();
        self.at += 1;
        while self.next_item(b']')? {
            if let Some(value) = self.value() {
                array.push(value);
            }
        }
        Some(array)
    }

    /// Goes to the next item, or past the end.
    fn next_item(&mut self, end: u8) -> Option<bool> {
        self.skip_space();
        if self.peek()? == b',' {
            self.at += 1;
            self.skip_space();
        }
        let is_end = self.peek()? == end;
        self.at += usize::from(is_end);
        Some(!is_end)
    }

    fn string(&mut self) -> Option<DeString<'a>> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        let inner = self.text.get(start + 1..self.at - 1)?;
        if !inner.contains('\\') {
            return Some(inner.into());
        }
        let quoted = self.text.get(start..self.at)?;
        serde_json::from_str::<String>(quoted).ok().map(Into::into)
    }

    fn number(&mut self, start: usize) -> Option<DeValue<'a>> {
        let word = self.word();
        let Ok(value) = DeValue::parse(word) else {
            self.refuse(start, "a number that no policy has", "write a whole number");
            return None;
        };
        Some(value.into_inner())
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let ends = |c: char| c.is_ascii_whitespace() || matches!(c, ',' | ']' | '}');
        let word = rest.split(ends).next().unwrap_or_default();
        self.at += word.len();
        word
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|c| c.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn refuse(&mut self, start: usize, title: &str, help: &str) {
        let problem = Problem::at(start..self.at.max(start + 1), title).label("cannot be read");
        self.problems.push(problem.help(help));
    }
}
