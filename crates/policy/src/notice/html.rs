//! A notice as a page of its own: plain HTML that needs no script, and can be read aloud.

use std::fmt::{self, Write};

use super::document::{Block, Document, Fact, Link, Section, Table, target};

/// What the pages look like: the content of their one `<style>` element, for whoever serves them under
/// a content security policy.
pub const STYLE: &str = include_str!("style.css");

/// The page.
pub(crate) fn page(document: &Document) -> String {
    let mut page = String::with_capacity(16_384);
    // A string takes whatever is written to it.
    let written = write_page(&mut page, document);
    debug_assert!(written.is_ok(), "a string can be written to");
    page
}

fn write_page(page: &mut String, document: &Document) -> fmt::Result {
    let Document { title, description, contents, sections, closing, .. } = document;
    let language = document.language.label();
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<meta name=\"description\" content=\"{description}\">\n\
         <style>{STYLE}</style>\n</head>\n<body>\n",
        title = Escaped(title),
        description = Escaped(description),
    )?;
    write_languages(page, &document.languages)?;
    write!(
        page,
        "<main>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n",
        Escaped(title),
        Escaped(description)
    )?;
    write_cautions(page, document)?;
    write_contents(page, contents, sections)?;
    for section in sections {
        write_section(page, section, 2)?;
    }
    write!(page, "</main>\n<footer><p>{}</p></footer>\n</body>\n</html>\n", Escaped(closing))
}

/// Nothing when there is only one.
fn write_languages(page: &mut String, languages: &[Link]) -> fmt::Result {
    if languages.is_empty() {
        return Ok(());
    }
    page.write_str("<header>\n<ul class=\"languages\">\n")?;
    for link in languages {
        write_item(page, link)?;
    }
    page.write_str("</ul>\n</header>\n")
}

fn write_cautions(page: &mut String, document: &Document) -> fmt::Result {
    if let Some((replaced, link)) = &document.replaced {
        write!(page, "<p class=\"warning\">{} ", Escaped(replaced))?;
        write_link(page, link)?;
        page.write_str("</p>\n")?;
    }
    if let Some(caution) = &document.caution {
        writeln!(page, "<p class=\"caution\">{}</p>", Escaped(caution))?;
    }
    Ok(())
}

fn write_item(page: &mut String, link: &Link) -> fmt::Result {
    page.write_str("<li>")?;
    write_link(page, link)?;
    page.write_str("</li>\n")
}

fn write_link(page: &mut String, Link { text, target, language }: &Link) -> fmt::Result {
    write!(page, "<a href=\"{}\"", Escaped(target))?;
    if let Some(language) = language {
        write!(page, " lang=\"{language}\" hreflang=\"{language}\"")?;
    }
    write!(page, ">{}</a>", Escaped(text))
}

fn write_contents(page: &mut String, contents: &str, sections: &[Section]) -> fmt::Result {
    writeln!(page, "<nav aria-label=\"{}\">\n<ol>", Escaped(contents))?;
    for Section { id, heading, .. } in sections {
        writeln!(page, "<li><a href=\"#{}\">{}</a></li>", Escaped(id), Escaped(heading))?;
    }
    page.write_str("</ol>\n</nav>\n")
}

fn write_section(page: &mut String, section: &Section, level: usize) -> fmt::Result {
    let id = Escaped(&section.id);
    page.write_str("<section>\n")?;
    writeln!(page, "<h{level} id=\"{id}\">{}</h{level}>", Escaped(&section.heading))?;
    for block in &section.blocks {
        write_block(page, block, &section.heading)?;
    }
    for part in &section.sections {
        write_section(page, part, level + 1)?;
    }
    page.write_str("</section>\n")
}

fn write_block(page: &mut String, block: &Block, heading: &str) -> fmt::Result {
    match block {
        Block::Facts(facts) => write_facts(page, facts),
        Block::Links(links) => {
            page.write_str("<ul>\n")?;
            links.iter().try_for_each(|link| write_item(page, link))?;
            page.write_str("</ul>\n")
        }
        Block::List(items) => {
            page.write_str("<ul>\n")?;
            for item in items {
                writeln!(page, "<li>{}</li>", Escaped(item))?;
            }
            page.write_str("</ul>\n")
        }
        Block::Paragraph(text) => writeln!(page, "<p>{}</p>", Escaped(text)),
        Block::Table(table) => write_table(page, table, heading),
        Block::Warning(text) => writeln!(page, "<p class=\"warning\">{}</p>", Escaped(text)),
    }
}

fn write_facts(page: &mut String, facts: &[Fact]) -> fmt::Result {
    page.write_str("<dl>\n")?;
    for Fact { name, value } in facts {
        write!(page, "<dt>{}</dt>\n<dd>", Escaped(name))?;
        match target(value) {
            Some(target) => {
                write!(page, "<a href=\"{}\">{}</a>", Escaped(&target), Escaped(value))?;
            }
            None => write!(page, "{}", Escaped(value))?,
        }
        page.write_str("</dd>\n")?;
    }
    page.write_str("</dl>\n")
}

/// A table scrolls by itself on a narrow screen, so the keyboard must reach it, under a name of its own.
fn write_table(page: &mut String, table: &Table, heading: &str) -> fmt::Result {
    let first = table.head.first().map(String::as_str).unwrap_or_default();
    writeln!(
        page,
        "<section class=\"table\" aria-label=\"{}: {}\" tabindex=\"0\">\n<table>\n<thead>\n<tr>",
        Escaped(heading),
        Escaped(first)
    )?;
    for name in &table.head {
        writeln!(page, "<th scope=\"col\">{}</th>", Escaped(name))?;
    }
    page.write_str("</tr>\n</thead>\n<tbody>\n")?;
    for row in &table.rows {
        page.write_str("<tr>\n")?;
        for (at, cell) in row.iter().enumerate() {
            let cell = Escaped(cell);
            match at {
                0 => writeln!(page, "<th scope=\"row\">{cell}</th>")?,
                _ => writeln!(page, "<td>{cell}</td>")?,
            }
        }
        page.write_str("</tr>\n")?;
    }
    page.write_str("</tbody>\n</table>\n</section>\n")
}

/// Text in which nothing is markup, within elements and quoted attributes alike.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
