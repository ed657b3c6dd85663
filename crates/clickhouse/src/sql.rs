//! What the server must know of a statement before the engine sees it: where an INSERT's data
//! begins, which format the answer has, and whether it reaches for files or the network.

pub(crate) mod guard;
pub(crate) mod lexer;
pub(crate) mod statement;

/// A string literal, quoted so that no value can leave it.
pub(crate) fn quote(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('\'');
    for c in value.chars() {
        if matches!(c, '\'' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

/// An identifier, quoted so that no name can leave it.
pub(crate) fn quote_identifier(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('`');
    for c in name.chars() {
        if matches!(c, '`' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('`');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(quote(r"a'b\"), r"'a\'b\\'");
        assert_eq!(quote_identifier(r"a`b\"), r"`a\`b\\`");
    }
}
