//! The figures of the report as tables.

use std::fmt::{self, Write};

use super::super::goals::{figure, megabytes};
use super::super::machine::IN_MEMORY;
use super::super::print::{NOT_LOOKED_UP, TOO_LITTLE};
use super::super::results::{Compared, Paced, Results, Whole};
use super::escape;
use crate::load::Second;

/// The column that is in words.
const VERDICT: &str = "Met or missed";

pub(super) fn header(results: &Results, html: &mut String) -> fmt::Result {
    let missed = results.lines.iter().filter(|line| !line.is_met).count();
    let met = results.lines.len() - missed;
    let machine = &results.machine;
    write!(
        html,
        "<header><h1>Candor, measured</h1><p>{}, {}. candor {}, on one core of: {}, {} cores, {} GB, Linux {}.{}</p>\
         <p class=\"verdict\"><strong>{met}</strong> goals met, <strong>{missed}</strong> missed.</p></header>",
        escape(&results.day),
        if results.is_quick { "a first look in short runs" } else { "a full run" },
        escape(results.versions.candor),
        escape(&machine.processor),
        machine.cores,
        machine.gigabytes(),
        escape(&machine.kernel),
        warning(results),
    )
}

/// What makes figures worth little.
fn warning(results: &Results) -> String {
    let warnings = [
        (
            results.versions.profile == "development",
            "A development build: its figures say nothing about a release.",
        ),
        (
            results.machine.file_system == IN_MEMORY,
            "The log lay in memory (tmpfs): nothing was durable.",
        ),
        (!results.versions.looks_addresses_up, NOT_LOOKED_UP),
        (!results.had_enough_to_do, TOO_LITTLE),
        (
            results.cores.measured.is_none(),
            "One core for everything: the load is part of what was measured.",
        ),
    ];
    let holds = warnings.into_iter().filter(|(holds, _)| *holds);
    holds.flat_map(|(_, text)| [" <strong>", text, "</strong>"]).collect()
}

pub(super) fn goals(results: &Results, html: &mut String) -> fmt::Result {
    begin(html, "Goals", &["What", "Measured", "Goal", VERDICT])?;
    for line in &results.lines {
        let class = if line.is_met { "met" } else { "missed" };
        let sign = if line.is_met { "✓" } else { "✗" };
        write!(
            html,
            "<tr class=\"{class}\"><th scope=\"row\">{}</th><td>{} {}</td><td class=\"short\">{}</td>\
             <td class=\"word\"><span aria-hidden=\"true\">{sign}</span> {}</td></tr>",
            escape(&line.what),
            figure(line.measured),
            escape(line.unit),
            escape(&line.goal_in_words()),
            line.verdict(),
        )?;
    }
    end(html);
    Ok(())
}

pub(super) fn ratios(ratios: &[Compared], html: &mut String) -> fmt::Result {
    const HEAD: [&str; 9] = [
        "Collector",
        "Answered 202 when",
        "Connections",
        "candor, µs",
        "Bare, µs",
        "Ratio",
        "Requests a second, candor",
        "Core busy, bare and candor",
        "Failed",
    ];
    begin(html, "", &HEAD)?;
    for ratio in ratios {
        let busy = |runs: &[super::super::results::Run]| {
            runs.iter().map(|run| run.cores).fold(f64::INFINITY, f64::min) * 100.0
        };
        row(
            html,
            ratio.what,
            &[
                escape(ratio.acknowledged),
                figure(ratio.connections.into()),
                figure(ratio.own_us),
                figure(ratio.bare_us),
                figure(ratio.ratio),
                figure(ratio.answered / f64::from(ratio.batch)),
                format!("{:.0} % and {:.0} %", busy(&ratio.bare), busy(&ratio.own)),
                ratio.failed.to_string(),
            ],
        )?;
    }
    end(html);
    Ok(())
}

pub(super) fn percentiles(paced: &Paced, html: &mut String) -> fmt::Result {
    begin(html, "", &["Percent of all beacons", "candor, ms", "Bare server, ms"])?;
    for (own, bare) in paced.percentiles.iter().zip(&paced.bare_percentiles) {
        row(html, &own.percent.to_string(), &[figure(own.ms), figure(bare.ms)])?;
    }
    end(html);
    Ok(())
}

pub(super) fn costs(whole: &Whole, html: &mut String) -> fmt::Result {
    let head = ["Process", "µs of CPU an event", "Memory at rest, MB", "At most, MB"];
    begin(html, "", &head)?;
    for cost in &whole.processes {
        let rest = cost.memory_at_rest;
        let shared = rest
            .proportional_bytes
            .map_or_else(String::new, |bytes| format!(" (PSS {})", figure(megabytes(bytes))));
        row(
            html,
            &cost.name,
            &[
                figure(cost.cpu_us_per_event),
                format!("{}{shared}", figure(megabytes(rest.resident_bytes))),
                figure(megabytes(cost.resident_bytes_max)),
            ],
        )?;
    }
    row(html, "all", &[figure(whole.cpu_us_per_event), String::new(), String::new()])?;
    end(html);
    write!(
        html,
        "<p>{} beacons a second were answered; everything was stored and merged after {} s. {} events in a batch on \
         average, {} bytes on the disk for each row.</p>",
        figure(whole.answered),
        figure(whole.took_s),
        figure(whole.events_of_batch),
        figure(whole.bytes_of_row),
    )
}

pub(super) fn deliveries(whole: &Whole, html: &mut String) -> fmt::Result {
    let head = ["", "Acknowledged", "Stored", "Lost", "Stored twice", "Got no answer"];
    begin(html, "", &head)?;
    let unanswered = |count: u64| figure_of(count);
    let all = [
        ("under full load", whole.delivery, None),
        ("after kills", whole.killed.delivery, Some(whole.killed.unanswered)),
    ];
    for (when, delivery, broken) in all {
        let cells = [delivery.acknowledged, delivery.stored, delivery.lost, delivery.duplicated];
        let mut cells = cells.map(figure_of).to_vec();
        cells.push(broken.map_or_else(String::new, unanswered));
        row(html, when, &cells)?;
    }
    end(html);
    write!(html, "<p>Answered 202 means: {}.</p>", escape(whole.acknowledged))
}

pub(super) fn seconds(seconds: &[Second], processes: &[&str], html: &mut String) -> fmt::Result {
    html.push_str("<details><summary>Second by second</summary>");
    let mut head = vec!["Second", "Answered", "p50, ms", "p99, ms", "Failed so far"];
    let names: Vec<String> = processes
        .iter()
        .flat_map(|name| [format!("{name}, cores"), format!("{name}, MB")])
        .collect();
    head.extend(names.iter().map(String::as_str));
    begin(html, "", &head)?;
    for second in seconds {
        let mut cells = vec![
            figure_of(second.answered),
            figure(second.p50_ms),
            figure(second.p99_ms),
            figure_of(second.failed),
        ];
        for moment in second.processes.iter().take(processes.len()) {
            cells.extend([figure(moment.cpu_s), figure(megabytes(moment.resident_bytes))]);
        }
        row(html, &second.number.to_string(), &cells)?;
    }
    end(html);
    html.push_str("</details>");
    Ok(())
}

pub(super) fn machine(results: &Results, html: &mut String) -> fmt::Result {
    begin(html, "Machine and versions", &["", ""])?;
    let (machine, versions) = (&results.machine, &results.versions);
    let cores = match results.cores.measured {
        Some(_) => format!("{}: one for what is measured, the others for the load", machine.cores),
        None => "1, for what is measured and the load".to_owned(),
    };
    let geo = if versions.looks_addresses_up {
        "looked up"
    } else {
        "not looked up: there were no databases"
    };
    let rows = [
        ("Processor", machine.processor.clone()),
        ("Cores", cores),
        ("Memory", format!("{} GB", machine.gigabytes())),
        ("Linux", machine.kernel.clone()),
        ("File system of log and tables", machine.file_system.to_owned()),
        (
            "candor",
            format!("{}, {} build, {}", versions.candor, versions.profile, versions.allocator),
        ),
        ("ClickHouse", format!("{}, embedded", versions.clickhouse)),
        ("Countries and networks", geo.to_owned()),
    ];
    for (name, value) in rows {
        row(html, name, &[escape(&value)])?;
    }
    end(html);
    html.push_str(
        "<p>Visits are made up: ten browsers, five hundred pages in five sections, weighted; every visitor consents, \
         and the policy keeps every field of a page view, with a truncated address. Rows of made-up visits compress \
         better than real ones. CPU time is user and system time of a process, as Linux tells it. Repeat it with \
         <code>candor bench</code>.</p>",
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "for the eye")]
fn figure_of(count: u64) -> String {
    figure(count as f64)
}

fn begin(html: &mut String, title: &str, head: &[&str]) -> fmt::Result {
    if !title.is_empty() {
        write!(html, "<h2>{title}</h2>")?;
    }
    // What has a verdict is read on phones, too, where each line becomes a few.
    let class = if head.contains(&VERDICT) { " stack" } else { "" };
    write!(html, "<div class=\"table{class}\" tabindex=\"0\"><table>")?;
    if head.iter().any(|cell| !cell.is_empty()) {
        html.push_str("<thead><tr>");
        for cell in head {
            let class = if *cell == VERDICT { " class=\"word\"" } else { "" };
            write!(html, "<th scope=\"col\"{class}>{}</th>", escape(cell))?;
        }
        html.push_str("</tr></thead>");
    }
    html.push_str("<tbody>");
    Ok(())
}

fn row(html: &mut String, name: &str, cells: &[String]) -> fmt::Result {
    write!(html, "<tr><th scope=\"row\">{}</th>", escape(name))?;
    for cell in cells {
        write!(html, "<td>{cell}</td>")?;
    }
    html.push_str("</tr>");
    Ok(())
}

fn end(html: &mut String) {
    html.push_str("</tbody></table></div>");
}
