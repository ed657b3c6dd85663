//! A text as Markdown (`CommonMark`, with tables).

use std::fmt::{self, Write};

use super::document::{Block, Document, Fact, Link, Section, Table, target};

/// The text.
pub(crate) fn text(document: &Document) -> String {
    let mut text = String::with_capacity(8_192);
    // A string takes whatever is written to it.
    let written = write_document(&mut text, document);
    debug_assert!(written.is_ok(), "a string can be written to");
    text
}

fn write_document(text: &mut String, document: &Document) -> fmt::Result {
    let Document { title, description, replaced, caution, sections, closing, .. } = document;
    writeln!(text, "# {}\n\n{}", Escaped(title), Escaped(description))?;
    if let Some((replaced, link)) = replaced {
        writeln!(text, "\n> **{}** {}", Escaped(replaced), Linked(link))?;
    }
    if let Some(caution) = caution {
        writeln!(text, "\n> {}", Escaped(caution))?;
    }
    for section in sections {
        write_section(text, section, 2)?;
    }
    writeln!(text, "\n---\n\n{}", Escaped(closing))
}

fn write_section(text: &mut String, section: &Section, level: usize) -> fmt::Result {
    writeln!(text, "\n{} {}", "#".repeat(level), Escaped(&section.heading))?;
    for block in &section.blocks {
        text.push('\n');
        write_block(text, block)?;
    }
    section.sections.iter().try_for_each(|part| write_section(text, part, level + 1))
}

fn write_block(text: &mut String, block: &Block) -> fmt::Result {
    match block {
        Block::Facts(facts) => facts.iter().try_for_each(|fact| write_fact(text, fact)),
        Block::Links(links) => {
            links.iter().try_for_each(|link| writeln!(text, "- {}", Linked(link)))
        }
        Block::List(items) => {
            items.iter().try_for_each(|item| writeln!(text, "- {}", Escaped(item)))
        }
        Block::Paragraph(sentences) => writeln!(text, "{}", Escaped(sentences)),
        Block::Table(table) => write_table(text, table),
        Block::Warning(sentences) => writeln!(text, "> **{}**", Escaped(sentences)),
    }
}

fn write_fact(text: &mut String, Fact { name, value }: &Fact) -> fmt::Result {
    match target(value) {
        Some(target) => {
            writeln!(text, "- **{}**: [{}](<{target}>)", Escaped(name), Escaped(value))
        }
        None => writeln!(text, "- **{}**: {}", Escaped(name), Escaped(value)),
    }
}

fn write_table(text: &mut String, Table { head, rows }: &Table) -> fmt::Result {
    write_row(text, head)?;
    writeln!(text, "|{}", " --- |".repeat(head.len()))?;
    rows.iter().try_for_each(|row| write_row(text, row))
}

fn write_row(text: &mut String, cells: &[String]) -> fmt::Result {
    text.push('|');
    for cell in cells {
        write!(text, " {} |", Escaped(cell))?;
    }
    text.push('\n');
    Ok(())
}

/// A link.
struct Linked<'a>(&'a Link);

impl fmt::Display for Linked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}](<{}>)", Escaped(&self.0.text), self.0.target)
    }
}

/// Text in which nothing is markup.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        Ok(())
    }
}
