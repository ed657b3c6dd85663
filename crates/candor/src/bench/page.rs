//! The report as one HTML file that needs nothing else: plots, and the same figures in tables beside them. It names
//! no machine, user, address or path.

mod tables;

use std::fmt::{self, Write};

use candor_policy::Escaped;

use super::goals;
use super::plot::{Axis, Bars, Plot, Row, Scale, Series};
use super::results::{Compared, Paced, Percentile, Results, Whole};
use crate::load::Second;

const STYLE: &str = include_str!("page/page.css");

/// The whole page.
pub(crate) fn page(results: &Results) -> String {
    let mut html = String::new();
    // Writing to a string cannot fail.
    write_page(results, &mut html).ok();
    html
}

fn write_page(results: &Results, html: &mut String) -> fmt::Result {
    write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>Candor, measured</title><style>{STYLE}</style></head><body>{FILLINGS}<main>"
    )?;
    tables::header(results, html)?;
    tables::goals(results, html)?;
    alone(results, html)?;
    for paced in &results.paced {
        self::paced(paced, html)?;
    }
    pipelines(results, html)?;
    tables::machine(results, html)?;
    html.push_str("</main></body></html>\n");
    Ok(())
}

/// What parts of bars are filled with: colours, and patterns for those who cannot tell them apart.
const FILLINGS: &str = "<svg class=\"defs\" aria-hidden=\"true\"><defs>\
    <pattern id=\"p0\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
    <rect class=\"b0\" width=\"8\" height=\"8\"/></pattern>\
    <pattern id=\"p1\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
    <rect class=\"b1\" width=\"8\" height=\"8\"/><path class=\"over\" d=\"M-2 10L10-2M-2 2L2-2M6 10L10 6\"/></pattern>\
    <pattern id=\"p2\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
    <rect class=\"b2\" width=\"8\" height=\"8\"/><path class=\"over\" d=\"M0 2h8M0 6h8\"/></pattern>\
    <pattern id=\"p3\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
    <rect class=\"b3\" width=\"8\" height=\"8\"/><path class=\"over\" d=\"M2 0v8M6 0v8\"/></pattern>\
    </defs></svg>";

fn alone(results: &Results, html: &mut String) -> fmt::Result {
    html.push_str(
        "<section><h2>A collector beside a bare server</h2><p>CPU time for each request, both on the same core, in \
         turns within the same minute. The bare server (hyper) reads the body and answers 204: what is above it is \
         the price of decoding, the policy’s gate, anonymising, enriching, encoding and making durable.</p>",
    );
    let row = |ratio: &Compared| {
        let name = |server: &str| format!("{}: {server}", ratio.what);
        [
            Row { name: name("candor"), values: vec![ratio.own_us, 0.0] },
            Row { name: name("bare server"), values: vec![0.0, ratio.bare_us] },
        ]
    };
    let bars = Bars {
        title: "CPU time for each request".to_owned(),
        unit: "µs",
        parts: vec!["candor".to_owned(), "bare server".to_owned()],
        rows: results.ratios.iter().flat_map(row).collect(),
    };
    figure(html, &bars.draw(), &bars.title)?;
    tables::ratios(&results.ratios, html)?;
    html.push_str("</section>");
    Ok(())
}

fn paced(paced: &Paced, html: &mut String) -> fmt::Result {
    let (what, rate) = (escape(paced.what), goals::figure(paced.rate.into()));
    write!(
        html,
        "<section><h2>Times at half load: {what}</h2><p>{rate} beacons a second, half of what one core can do, at \
         the times of a schedule. A time counts from when a beacon was due. What the bare server takes at the same \
         rate is what machine and load take by themselves.</p><div class=\"plots\">"
    )?;
    let of = |name: &str, all: &[Percentile]| Series {
        name: name.to_owned(),
        points: all.iter().map(|it| (it.percent, it.ms)).collect(),
    };
    let percentiles = Plot {
        title: "Times by percentile".to_owned(),
        x: Axis { name: "percent of all beacons", scale: Scale::Nines },
        y: Axis { name: "answered within, ms", scale: Scale::Log },
        series: vec![of("candor", &paced.percentiles), of("bare server", &paced.bare_percentiles)],
    };
    figure(html, &percentiles.draw(), &percentiles.title)?;
    let times = times(&paced.by_second);
    figure(html, &times.draw(), &times.title)?;
    html.push_str("</div>");
    tables::percentiles(paced, html)?;
    tables::seconds(&paced.by_second, &[], html)?;
    html.push_str("</section>");
    Ok(())
}

fn pipelines(results: &Results, html: &mut String) -> fmt::Result {
    html.push_str(
        "<section><h2>From a beacon to its row</h2><p>CPU time of all processes for each event, counted until the \
         last one is stored and ClickHouse has merged.</p>",
    );
    for whole in &results.pipelines {
        let bars = Bars {
            title: format!("CPU time for each event: {}", whole.what),
            unit: "µs",
            parts: whole.processes.iter().map(|cost| cost.name.clone()).collect(),
            rows: vec![Row {
                name: whole.what.to_owned(),
                values: whole.processes.iter().map(|cost| cost.cpu_us_per_event).collect(),
            }],
        };
        figure(html, &bars.draw(), &bars.title)?;
        tables::costs(whole, html)?;
    }
    html.push_str("</section>");
    results.pipelines.iter().try_for_each(|whole| pipeline(whole, html))
}

fn pipeline(whole: &Whole, html: &mut String) -> fmt::Result {
    let names: Vec<&str> = whole.processes.iter().map(|cost| cost.name.as_str()).collect();
    let what = escape(whole.what);
    write!(
        html,
        "<section><h2>Full load: {what}</h2><p>{} connections, each of which sends the next beacon when the last \
         one was answered; everything that is measured shares one core.</p><div class=\"plots\">",
        goals::figure(whole.connections.into())
    )?;
    let of_process = |of: fn(&crate::load::Moment) -> f64| -> Vec<Series> {
        let series = |(place, name): (usize, &&str)| Series {
            name: (*name).to_owned(),
            points: points(&whole.by_second, |second| second.processes.get(place).map_or(0.0, of)),
        };
        names.iter().enumerate().map(series).collect()
    };
    let seconds = Axis { name: "seconds", scale: Scale::Linear };
    let plot = |title: &str, name, series| Plot {
        title: title.to_owned(),
        x: seconds,
        y: Axis { name, scale: Scale::Linear },
        series,
    };
    let memory = of_process(|moment| goals::megabytes(moment.resident_bytes));
    let plots = [
        throughput(&whole.by_second),
        times(&whole.by_second),
        plot("Processor time", "cores", of_process(|moment| moment.cpu_s)),
        plot("Memory", "MB", memory),
    ];
    for plot in &plots {
        figure(html, &plot.draw(), &plot.title)?;
    }
    html.push_str("</div>");
    tables::seconds(&whole.by_second, &names, html)?;
    let killed = &whole.killed;
    write!(
        html,
        "<h3>Killed under load</h3><p>At {} beacons a second, <code>kill -9</code> met, in this order: {}. Each was \
         started again at once.</p><div class=\"plots\">",
        goals::figure(killed.rate.into()),
        escape(&killed.parts.join("; ")),
    )?;
    let plot = throughput(&killed.by_second);
    figure(html, &plot.draw(), &plot.title)?;
    html.push_str("</div>");
    tables::deliveries(whole, html)?;
    tables::seconds(&killed.by_second, &[], html)?;
    html.push_str("</section>");
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "for the eye")]
fn throughput(seconds: &[Second]) -> Plot {
    let name = "answered in this second".to_owned();
    let points = points(seconds, |second| second.answered as f64 / 1e3);
    Plot {
        title: "Beacons answered".to_owned(),
        x: Axis { name: "seconds", scale: Scale::Linear },
        y: Axis { name: "thousands a second", scale: Scale::Linear },
        series: vec![Series { name, points }],
    }
}

fn times(seconds: &[Second]) -> Plot {
    // Where nobody was answered there is no time.
    let answered: Vec<Second> = seconds.iter().filter(|it| it.answered > 0).cloned().collect();
    let of = |name: &str, of: fn(&Second) -> f64| Series {
        name: name.to_owned(),
        points: points(&answered, of),
    };
    Plot {
        title: "Times, second by second".to_owned(),
        x: Axis { name: "seconds", scale: Scale::Linear },
        y: Axis { name: "answered within, ms", scale: Scale::Log },
        series: vec![of("p50", |second| second.p50_ms), of("p99", |second| second.p99_ms)],
    }
}

fn points(seconds: &[Second], of: impl Fn(&Second) -> f64) -> Vec<(f64, f64)> {
    seconds.iter().map(|second| (f64::from(second.number), of(second))).collect()
}

fn figure(html: &mut String, svg: &str, caption: &str) -> fmt::Result {
    write!(html, "<figure>{svg}<figcaption>{}</figcaption></figure>", escape(caption))
}

/// Text as HTML has it.
pub(crate) fn escape(text: &str) -> String {
    Escaped(text).to_string()
}
