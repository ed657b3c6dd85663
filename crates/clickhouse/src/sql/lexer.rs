//! ClickHouse's tokens, as far as the guard and the INSERT splitter need them.
//!
//! String literals, quoted identifiers, here-documents and all comment forms are told apart, so that
//! what stands inside them is never taken for code. The lexer works on bytes and lazily, because the
//! data of an INSERT may follow the statement in any encoding.

/// One token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A number.
    Number,
    /// A byte that is no word, number or quote.
    Other,
    /// An identifier in backticks or double quotes.
    Quoted,
    /// A string literal or here-document.
    String,
    /// A single punctuation character.
    Symbol(u8),
    /// A keyword or bare identifier.
    Word,
}

/// Iterates over the tokens of a text; white space and comments are skipped.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'a> {
    text: &'a [u8],
    position: usize,
}

// === impl Token ===

impl Token {
    /// The token's bytes.
    pub(crate) fn bytes<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether it is this bare word, in any case.
    pub(crate) fn is_word(&self, text: &[u8], word: &str) -> bool {
        self.kind == TokenKind::Word && self.bytes(text).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Whether it is this punctuation character.
    pub(crate) fn is_symbol(&self, symbol: u8) -> bool {
        self.kind == TokenKind::Symbol(symbol)
    }

    /// The name that an identifier stands for, in lower case; none for other tokens.
    pub(crate) fn name(&self, text: &[u8]) -> Option<String> {
        let bytes = self.bytes(text);
        let inner = match self.kind {
            TokenKind::Word => bytes,
            TokenKind::Quoted => unquoted(bytes),
            _ => return None,
        };
        Some(String::from_utf8_lossy(inner).replace('\\', "").to_ascii_lowercase())
    }
}

fn unquoted(bytes: &[u8]) -> &[u8] {
    for (open, close) in [("`", "`"), ("\"", "\""), ("“", "”")] {
        if let Some(rest) = bytes.strip_prefix(open.as_bytes()) {
            return rest.strip_suffix(close.as_bytes()).unwrap_or(rest);
        }
    }
    bytes
}

// === impl Lexer ===

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, position: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn skip_while(&mut self, mut condition: impl FnMut(u8) -> bool) {
        let length = self.rest().iter().take_while(|byte| condition(**byte)).count();
        self.position += length;
    }

    /// Moves past the next occurrence of `end`, or to the end of the text.
    fn skip_past(&mut self, end: &[u8]) {
        let found = self.rest().windows(end.len()).position(|window| window == end);
        self.position = found.map_or(self.text.len(), |at| self.position + at + end.len());
    }

    fn skip_space_and_comments(&mut self) {
        loop {
            let before = self.position;
            self.skip_while(|byte| byte.is_ascii_whitespace() || byte == 0x0b || byte == 0);
            match self.rest() {
                [b'-', b'-', ..] | [b'/', b'/', ..] | [b'#', b' ' | b'!', ..] => {
                    self.skip_while(|byte| byte != b'\n');
                }
                [b'/', b'*', ..] => self.skip_nested_comment(),
                [0x80..=0xff, ..] => self.position += wide_space(self.rest()),
                _ => {}
            }
            if self.position == before {
                return;
            }
        }
    }

    fn skip_nested_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.rest() {
                [] => return,
                [b'/', b'*', ..] => {
                    depth += 1;
                    self.position += 2;
                }
                [b'*', b'/', ..] => {
                    depth = depth.saturating_sub(1);
                    self.position += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.position += 1,
            }
        }
    }

    /// Moves past a quoted text: a backslash takes the next byte, a doubled quote is one quote.
    fn skip_quoted(&mut self, quote: u8) {
        self.position += 1;
        loop {
            match self.rest() {
                [] => return,
                [b'\\', ..] => self.position = (self.position + 2).min(self.text.len()),
                [first, second, ..] if *first == quote && *second == quote => self.position += 2,
                [first, ..] => {
                    self.position += 1;
                    if *first == quote {
                        return;
                    }
                }
            }
        }
    }

    /// Moves past `$tag$ … $tag$`; false if it is no here-document.
    fn skip_heredoc(&mut self) -> bool {
        let rest = self.rest();
        let is_tag = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let tag_length = rest.iter().skip(1).take_while(|byte| is_tag(byte)).count();
        let Some(tag) = rest.get(..tag_length + 2).filter(|tag| tag.ends_with(b"$")) else {
            return false;
        };
        let closes = rest.get(tag.len()..).unwrap_or_default();
        if !closes.windows(tag.len()).any(|window| window == tag) {
            return false;
        }
        self.position += tag.len();
        self.skip_past(tag);
        true
    }

    fn token(&mut self, first: u8) -> TokenKind {
        match first {
            b'\'' => {
                self.skip_quoted(first);
                TokenKind::String
            }
            b'`' | b'"' => {
                self.skip_quoted(first);
                TokenKind::Quoted
            }
            b'$' if self.skip_heredoc() => TokenKind::String,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => {
                self.skip_while(is_word);
                TokenKind::Word
            }
            b'0'..=b'9' => {
                self.skip_while(|byte| is_word(byte) || byte == b'.');
                TokenKind::Number
            }
            0x80.. => self.wide_token(),
            symbol => {
                self.position += 1;
                TokenKind::Symbol(symbol)
            }
        }
    }

    /// ClickHouse takes typographic quotes as quotes.
    fn wide_token(&mut self) -> TokenKind {
        if self.rest().starts_with("‘".as_bytes()) {
            self.skip_past("’".as_bytes());
            TokenKind::String
        } else if self.rest().starts_with("“".as_bytes()) {
            self.skip_past("”".as_bytes());
            TokenKind::Quoted
        } else {
            self.position += 1;
            TokenKind::Other
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_space_and_comments();
        let start = self.position;
        let kind = self.token(*self.rest().first()?);
        Some(Token { kind, start, end: self.position })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

/// How many bytes of Unicode white space stand here.
fn wide_space(bytes: &[u8]) -> usize {
    let head = bytes.get(..bytes.len().min(4)).unwrap_or_default();
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => head
            .get(..error.valid_up_to())
            .and_then(|part| std::str::from_utf8(part).ok())
            .unwrap_or_default(),
    };
    let is_space = |c: &char| c.is_whitespace() || WIDE_SPACES.contains(c);
    valid.chars().next().filter(is_space).map_or(0, char::len_utf8)
}

/// Characters that ClickHouse skips as white space and Unicode does not call so.
const WIDE_SPACES: [char; 6] =
    ['\u{180e}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'];

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(TokenKind, &str)> {
        Lexer::new(text.as_bytes())
            .map(|token| (token.kind, text.get(token.start..token.end).expect("whole characters")))
            .collect()
    }

    #[test]
    fn quotes_and_comments_hide_what_they_hold() {
        let cases: [(&str, &[(TokenKind, &str)]); 9] = [
            ("'a''b\\'c' d", &[(TokenKind::String, "'a''b\\'c'"), (TokenKind::Word, "d")]),
            (
                "`a``b` \"c\\\"d\"",
                &[(TokenKind::Quoted, "`a``b`"), (TokenKind::Quoted, "\"c\\\"d\"")],
            ),
            ("-- x\na", &[(TokenKind::Word, "a")]),
            ("# x\n#! y\n// z\na", &[(TokenKind::Word, "a")]),
            ("/* x /* y */ z */ a", &[(TokenKind::Word, "a")]),
            ("$x$ ' $x$ a", &[(TokenKind::String, "$x$ ' $x$"), (TokenKind::Word, "a")]),
            ("‘file(’ “b”", &[(TokenKind::String, "‘file(’"), (TokenKind::Quoted, "“b”")]),
            ("1.5e3 a", &[(TokenKind::Number, "1.5e3"), (TokenKind::Word, "a")]),
            ("a\u{a0}(", &[(TokenKind::Word, "a"), (TokenKind::Symbol(b'('), "(")]),
        ];
        for (text, expected) in cases {
            assert_eq!(tokens(text), expected, "{text}");
        }
    }

    #[test]
    fn unfinished_quotes_end_with_the_text() {
        for text in ["'a", "`a", "\"a\\", "/* a", "$a", "“a"] {
            assert!(tokens(text).len() <= 1, "{text}");
        }
    }

    #[test]
    fn any_bytes_end() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1024).collect();
        assert!(Lexer::new(&bytes).count() > 10);
    }
}
