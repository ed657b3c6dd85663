//! What is wrong with policy files, shown as compilers show it: file, line, caret, and what would be
//! right.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::Renderer;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Snippet, normalize_untrusted_str};

/// The most problems of one file that are told.
pub(crate) const PROBLEMS_MAX: usize = 100;

/// Everything that is wrong with one or more policy files. Never empty when it is an error.
#[derive(Clone, Default)]
pub struct Problems(Vec<Report>);

/// One problem within a file, before it is known which file.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    title: String,
    span: Range<usize>,
    label: String,
    related: Vec<(Range<usize>, String)>,
    help: Option<String>,
}

#[derive(Clone, Debug)]
enum Report {
    /// Of one place in one file.
    Inside(Arc<Source>, Problem),
    /// Of whole files beside each other.
    Between { title: String, origins: Vec<Arc<str>>, help: String },
    /// So many more of one file, which are not told.
    More(Arc<str>, usize),
}

#[derive(Debug)]
struct Source {
    origin: Arc<str>,
    text: String,
}

// === impl Problems ===

impl Problems {
    /// The problems of one file, in the order of the file.
    pub(crate) fn of_file(origin: &str, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.span.start);
        let source = Arc::new(Source { origin: origin.into(), text: text.to_owned() });
        let more = problems.len().saturating_sub(PROBLEMS_MAX);
        problems.truncate(PROBLEMS_MAX);
        let report = |problem| Report::Inside(Arc::clone(&source), problem);
        let more = (more > 0).then(|| Report::More(origin.into(), more));
        Self(problems.into_iter().map(report).chain(more).collect())
    }

    /// Adds a problem that no single place has.
    pub(crate) fn push_between(&mut self, title: String, origins: Vec<Arc<str>>, help: &str) {
        self.0.push(Report::Between { title, origins, help: help.to_owned() });
    }

    /// Adds the problems of another file.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        let count = |report: &Report| match report {
            Report::Inside(..) | Report::Between { .. } => 1,
            Report::More(_, more) => *more,
        };
        self.0.iter().map(count).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, coloured for a terminal.
    pub fn styled(&self) -> impl fmt::Display + '_ {
        Rendered(self, Renderer::styled())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Rendered(self, Renderer::plain()).fmt(f)
    }
}

impl fmt::Debug for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Problems {}

// === impl Problem ===

impl Problem {
    /// A problem at `span`. The title says what is wrong.
    pub(crate) fn at(span: Range<usize>, title: impl Into<String>) -> Self {
        Self { title: title.into(), span, label: String::new(), related: Vec::new(), help: None }
    }

    /// Its place.
    pub(crate) fn place(&self) -> Range<usize> {
        self.span.clone()
    }

    /// What stands under the carets.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Another place that belongs to it, when the file has it.
    pub(crate) fn related(mut self, span: Option<Range<usize>>, label: &str) -> Self {
        self.related.extend(span.map(|span| (span, label.to_owned())));
        self
    }

    /// What would be right.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

// === rendering ===

struct Rendered<'a>(&'a Problems, Renderer);

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Problems(reports), renderer) = self;
        for (index, report) in reports.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            let group = match report {
                Report::More(origin, more) => {
                    write!(f, "{origin}: and {more} more")?;
                    continue;
                }
                Report::Inside(source, problem) => inside(source, problem),
                Report::Between { title, origins, help } => between(title, origins, help),
            };
            f.write_str(&renderer.render(&[group]))?;
        }
        Ok(())
    }
}

fn inside<'a>(source: &'a Source, problem: &'a Problem) -> Group<'a> {
    let within = |span: &Range<usize>| clamp(span, &source.text);
    let here = AnnotationKind::Primary.span(within(&problem.span)).label(problem.label.as_str());
    let there = problem
        .related
        .iter()
        .map(|(span, label)| AnnotationKind::Context.span(within(span)).label(label.as_str()));
    let excerpt = Snippet::source(source.text.as_str())
        .path(&*source.origin)
        .annotation(here)
        .annotations(there);
    let group = Level::ERROR.primary_title(problem.title.as_str()).element(excerpt);
    match &problem.help {
        Some(help) => group.element(Level::HELP.message(normalize_untrusted_str(help))),
        None => group,
    }
}

fn between<'a>(title: &'a str, origins: &'a [Arc<str>], help: &'a str) -> Group<'a> {
    Level::ERROR
        .primary_title(title)
        .elements(origins.iter().map(|origin| Origin::path(&**origin)))
        .element(Level::HELP.message(help))
}

/// A span that lies within the text and cuts no character in two.
fn clamp(span: &Range<usize>, text: &str) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    start..text.ceil_char_boundary(span.end.max(start))
}
