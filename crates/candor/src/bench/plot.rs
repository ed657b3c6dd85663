//! Lines as SVG, drawn by hand: no script, no fonts, no colours but those of the page. Series differ by dashes and
//! marks, too, so that nobody needs to tell colours apart.

mod axis;
mod bars;

use std::fmt::Write;

use super::goals::figure;
use super::page::escape;
use axis::Range;
pub(crate) use axis::Scale;
pub(crate) use bars::{Bars, Row};

/// Lines over a common axis.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
}

/// An axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    pub(crate) name: &'static str,
    pub(crate) scale: Scale,
}

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// The numbers that both axes show.
struct Frame {
    x: Range,
    y: Range,
}

/// Units of the drawing; on the page it is as wide as there is room.
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 14.0;
/// A line of the legend.
const LEGEND: f64 = 18.0;
/// How long its sample of a line is.
const SAMPLE: f64 = 28.0;
/// So many marks on a line, at most.
const MARKS: usize = 10;
const DASHES: [&str; 4] = ["none", "7 4", "2 3", "9 3 2 3"];

impl Plot {
    /// As SVG, which says in words what it shows.
    pub(crate) fn draw(&self) -> String {
        let top = self.series.iter().fold(TOP, |top, _| top + LEGEND);
        let points = || self.series.iter().flat_map(|series| series.points.iter());
        let frame = Frame {
            x: Range::of(self.x.scale, points().map(|point| point.0), (LEFT, WIDTH - RIGHT)),
            y: Range::of(self.y.scale, points().map(|point| point.1), (HEIGHT - BOTTOM, top)),
        };
        let mut svg = begin(WIDTH, HEIGHT, &self.title, &self.in_words());
        // Writing to a string cannot fail.
        self.axes(&frame, &mut svg).ok();
        let mut y = TOP - 2.0;
        for (number, series) in self.series.iter().enumerate() {
            series.draw(number, &frame, y, &mut svg).ok();
            y += LEGEND;
        }
        svg.push_str("</svg>");
        svg
    }

    fn axes(&self, frame: &Frame, svg: &mut String) -> std::fmt::Result {
        let (left, right, top, bottom) = (frame.x.from, frame.x.to, frame.y.to, frame.y.from);
        for tick in frame.y.ticks() {
            let y = frame.y.place(tick);
            write!(svg, "<path class=\"grid\" d=\"M{left} {y:.1}H{right}\"/>")?;
            write!(
                svg,
                "<text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                left - 6.0,
                y + 4.0,
                frame.y.label(tick)
            )?;
        }
        for tick in frame.x.ticks() {
            let (x, y) = (frame.x.place(tick), bottom + 15.0);
            let label = frame.x.label(tick);
            write!(svg, "<text class=\"middle\" x=\"{x:.1}\" y=\"{y:.1}\">{label}</text>")?;
        }
        write!(svg, "<path class=\"axis\" d=\"M{left} {top}V{bottom}H{right}\"/>")?;
        let middle = f64::midpoint(left, right);
        let (x, y) = (self.x.name, self.y.name);
        write!(svg, "<text class=\"middle\" x=\"{middle}\" y=\"{}\">{x}</text>", HEIGHT - 6.0)?;
        let middle = f64::midpoint(top, bottom);
        write!(
            svg,
            "<text class=\"middle\" transform=\"translate(11 {middle}) rotate(-90)\">{y}</text>"
        )
    }

    /// What somebody who cannot see it is told.
    fn in_words(&self) -> String {
        let mut words = format!("{} over {}.", self.y.name, self.x.name);
        for Series { name, points } in &self.series {
            let least = points.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
            let most = points.iter().map(|point| point.1).fold(0.0, f64::max);
            let least = figure(if least.is_finite() { least } else { 0.0 });
            write!(words, " {name}: from {least} to {}.", figure(most)).ok();
        }
        words
    }
}

impl Series {
    fn draw(
        &self,
        number: usize,
        frame: &Frame,
        legend: f64,
        svg: &mut String,
    ) -> std::fmt::Result {
        let style = number % DASHES.len();
        let dashes = DASHES.get(style).copied().unwrap_or("none");
        let mut path = String::new();
        for (place, (x, y)) in self.points.iter().enumerate() {
            let letter = if place == 0 { 'M' } else { 'L' };
            write!(path, "{letter}{:.1} {:.1}", frame.x.place(*x), frame.y.place(*y))?;
        }
        let line = format!("class=\"line c{style}\" stroke-dasharray=\"{dashes}\"");
        write!(svg, "<path {line} d=\"{path}\"/>")?;
        let every = self.points.len().div_ceil(MARKS).max(1);
        for (x, y) in self.points.iter().step_by(every) {
            mark(style, frame.x.place(*x), frame.y.place(*y), svg)?;
        }
        let (from, to) = (LEFT, LEFT + SAMPLE);
        write!(svg, "<path {line} d=\"M{from} {legend}H{to}\"/>")?;
        mark(style, f64::midpoint(from, to), legend, svg)?;
        let (x, y, name) = (to + 8.0, legend + 4.0, escape(&self.name));
        write!(svg, "<text x=\"{x}\" y=\"{y}\">{name}</text>")
    }
}

/// A circle, a square, a triangle or a cross.
fn mark(style: usize, x: f64, y: f64, svg: &mut String) -> std::fmt::Result {
    let path = match style {
        0 => "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
        1 => "m-3-3h6v6h-6z",
        2 => "m0-4l4 7h-8z",
        _ => "m-4-1h3v-3h2v3h3v2h-3v3h-2v-3h-3z",
    };
    write!(svg, "<path class=\"mark c{style}\" d=\"M{x:.1} {y:.1}{path}\"/>")
}

/// The beginning of a drawing, with what it shows in words.
fn begin(width: f64, height: f64, title: &str, words: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\"><title>{}. {}</title>",
        escape(title),
        escape(words)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_says_in_words_what_it_shows() {
        let axis = |name, scale| Axis { name, scale };
        let plot = Plot {
            title: "Times <1>".to_owned(),
            x: axis("seconds", Scale::Linear),
            y: axis("milliseconds", Scale::Log),
            series: vec![
                Series { name: "p50".to_owned(), points: vec![(1.0, 0.5), (2.0, 0.7)] },
                Series { name: "p99".to_owned(), points: vec![(1.0, 12.0), (2.0, 3.0)] },
            ],
        };
        let svg = plot.draw();
        assert!(svg.contains("<title>Times &lt;1&gt;. milliseconds over seconds."), "{svg}");
        assert!(svg.contains("p99: from 3 to 12."), "{svg}");
        assert_eq!(svg.matches("class=\"line").count(), 4, "two lines, and their samples");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let empty = Plot { series: Vec::new(), ..plot };
        assert!(!empty.draw().contains("NaN"), "{}", empty.draw());
    }
}
