//! Bars that are made of parts, such as what each process takes of an event.

use std::fmt::Write;

use super::super::goals::figure;
use super::super::page::escape;
use super::{WIDTH, begin};

/// Bars under each other, on one scale from 0.
#[derive(Clone, Debug)]
pub(crate) struct Bars {
    pub(crate) title: String,
    pub(crate) unit: &'static str,
    /// What the parts are called, in their order.
    pub(crate) parts: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// A bar.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// As many as there are names of parts.
    pub(crate) values: Vec<f64>,
}

const NAME: f64 = 18.0;
const BAR: f64 = 20.0;
const ROW: f64 = 48.0;
const LEGEND: f64 = 20.0;
/// What stands behind a bar, how much it is in all.
const TOTAL: f64 = 96.0;
/// Narrower parts have no room for their figure.
const NARROW: f64 = 44.0;
/// Kinds of fillings that the page has.
const FILLINGS: usize = 4;

impl Bars {
    /// As SVG, which says in words what it shows.
    pub(crate) fn draw(&self) -> String {
        let legend = if self.parts.len() > 1 { LEGEND } else { 0.0 };
        let top = self.parts.iter().fold(8.0, |top, _| top + legend);
        let height = self.rows.iter().fold(top, |height, _| height + ROW);
        let mut svg = begin(WIDTH, height, &self.title, &self.in_words());
        // Writing to a string cannot fail.
        self.legend(legend, &mut svg).ok();
        let most = self.rows.iter().map(Row::total).fold(1e-9, f64::max);
        let mut y = top;
        for row in &self.rows {
            self.row(row, y, (WIDTH - TOTAL) / most, &mut svg).ok();
            y += ROW;
        }
        svg.push_str("</svg>");
        svg
    }

    fn legend(&self, line: f64, svg: &mut String) -> std::fmt::Result {
        if line <= 0.0 {
            return Ok(());
        }
        let mut y = 4.0;
        for (number, part) in self.parts.iter().enumerate() {
            let filling = number % FILLINGS;
            write!(
                svg,
                "<rect class=\"bar f{filling}\" x=\"1\" y=\"{y}\" width=\"28\" height=\"12\"/>"
            )?;
            write!(svg, "<text x=\"38\" y=\"{}\">{}</text>", y + 10.0, escape(part))?;
            y += line;
        }
        Ok(())
    }

    fn row(&self, row: &Row, y: f64, scale: f64, svg: &mut String) -> std::fmt::Result {
        write!(svg, "<text x=\"0\" y=\"{}\">{}</text>", y + NAME - 5.0, escape(&row.name))?;
        let (mut x, y) = (1.0, y + NAME);
        for (number, value) in row.values.iter().enumerate() {
            let (filling, width) = (number % FILLINGS, value * scale);
            write!(
                svg,
                "<rect class=\"bar f{filling}\" x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\"/>"
            )?;
            if width >= NARROW && row.values.len() > 1 {
                let (x, y, width) = (x + width / 2.0, y + 14.5, 40.0);
                write!(
                    svg,
                    "<rect class=\"plate\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width}\" height=\"15\" rx=\"3\"/>\
                     <text class=\"middle\" x=\"{x:.1}\" y=\"{y}\">{}</text>",
                    x - width / 2.0,
                    y - 12.0,
                    figure(*value)
                )?;
            }
            x += width;
        }
        let (total, unit) = (figure(row.total()), self.unit);
        write!(svg, "<text x=\"{:.1}\" y=\"{}\">{total} {unit}</text>", x + 6.0, y + 14.5)
    }

    fn in_words(&self) -> String {
        let mut words = String::new();
        for row in &self.rows {
            write!(words, "{}: {} {}", row.name, figure(row.total()), self.unit).ok();
            if row.values.len() > 1 {
                let part = |(part, value): (&String, &f64)| format!("{part} {}", figure(*value));
                let parts: Vec<_> = self.parts.iter().zip(&row.values).map(part).collect();
                write!(words, " ({})", parts.join(", ")).ok();
            }
            words.push_str(". ");
        }
        words
    }
}

impl Row {
    fn total(&self) -> f64 {
        self.values.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_say_in_words_what_they_show() {
        let bars = Bars {
            title: "Costs".to_owned(),
            unit: "µs",
            parts: vec!["collector".to_owned(), "sink".to_owned()],
            rows: vec![Row { name: "journal".to_owned(), values: vec![12.0, 0.5] }],
        };
        let svg = bars.draw();
        assert!(
            svg.contains("<title>Costs. journal: 12.5 µs (collector 12, sink 0.50). "),
            "{svg}"
        );
        assert_eq!(svg.matches("class=\"bar f1\"").count(), 2, "the legend and the part");
    }
}
