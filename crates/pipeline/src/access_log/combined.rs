//! The combined log format of Apache and nginx:
//! `address ident user [time] "request" status bytes "referrer" "user agent"`.

use std::borrow::Cow;

use candor_event::Timestamp;

use super::Line;
use crate::client_ip::ClientIp;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads a line.
pub(super) fn read(line: &str) -> Option<(ClientIp, Line<'_>)> {
    let (address, rest) = line.split_once(' ')?;
    let (_, rest) = rest.split_once('[')?;
    let (time, rest) = rest.split_once("] ")?;
    let (request, rest) = quoted(rest)?;
    let mut numbers = rest.split_ascii_whitespace();
    let status = numbers.next()?.parse().ok()?;
    let (referrer, rest) = quoted(rest.get(rest.find('"')?..)?)?;
    let (user_agent, _) = quoted(rest.trim_start())?;
    let (method, target) = request_line(request)?;
    let received_at = parse_time(time)?;
    let line = Line { received_at, user_agent, method, target, referrer, status };
    Some((ClientIp::of_log_field(address), line))
}

/// Takes a quoted field from the beginning; `\"` and `\\` stand for themselves.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let text = text.strip_prefix('"')?;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => {
                let (field, rest) = (text.get(..at)?, text.get(at + 1..)?);
                return Some((unescape(field), rest));
            }
            _ => {}
        }
    }
    None
}

fn unescape(field: &str) -> Cow<'_, str> {
    if field.contains('\\') {
        field.replace("\\\"", "\"").replace("\\\\", "\\").into()
    } else {
        field.into()
    }
}

fn request_line(request: Cow<'_, str>) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let split = |request: &str| -> Option<(usize, usize)> {
        let method = request.find(' ')?;
        let end = request.rfind(" HTTP/").unwrap_or(request.len());
        (method < end).then_some((method, end))
    };
    let (method, end) = split(&request)?;
    match request {
        Cow::Borrowed(text) => {
            Some((text.get(..method)?.into(), text.get(method + 1..end)?.into()))
        }
        Cow::Owned(text) => Some((
            text.get(..method)?.to_owned().into(),
            text.get(method + 1..end)?.to_owned().into(),
        )),
    }
}

/// `17/May/2015:10:05:03 +0000`
fn parse_time(text: &str) -> Option<Timestamp> {
    let (time, zone) = text.split_once(' ')?;
    let mut parts = time.split(['/', ':']);
    let day = digits(parts.next()?, 2)?;
    let month = parts.next()?;
    let month = i64::try_from(MONTHS.iter().position(|name| *name == month)?).ok()? + 1;
    let year = digits(parts.next()?, 4)?;
    let mut two_digits = || digits(parts.next()?, 2);
    let (hour, minute, second) = (two_digits()?, two_digits()?, two_digits()?);
    if day == 0 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(Timestamp::from_unix(seconds - offset_seconds(zone)?))
}

/// `+0200`
fn offset_seconds(zone: &str) -> Option<i64> {
    let (sign, rest) = zone.split_at_checked(1)?;
    let (hours, minutes) = rest.split_at_checked(2)?;
    let seconds = digits(hours, 2)? * 3_600 + digits(minutes, 2)? * 60;
    match sign {
        "+" => Some(seconds),
        "-" => Some(-seconds),
        _ => None,
    }
}

/// A number of exactly so many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    let ok = text.len() == count && text.bytes().all(|c| c.is_ascii_digit());
    if ok { text.parse().ok() } else { None }
}

fn days_in(year: i64, month: i64) -> i64 {
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(next_year, next_month, 1) - days_from_civil(year, month, 1)
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, with March as the year's first month so
/// that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_zone() {
        let unix = |text| parse_time(text).map(Timestamp::unix);
        assert_eq!(unix("01/Jan/1970:00:00:00 +0000"), Some(0));
        assert_eq!(unix("17/May/2015:10:05:03 +0000"), Some(1_431_857_103));
        assert_eq!(unix("17/May/2015:12:05:03 +0200"), Some(1_431_857_103));
        assert_eq!(unix("29/Feb/2024:23:59:59 -0100"), Some(1_709_254_799 + 3_600 - 7_200 + 3_600));
        for odd in [
            "",
            "x",
            "17/Mai/2015:10:05:03 +0000",
            "17/May/2015:25:05:03 +0000",
            "17/May/2015:-1:05:03 +0000",
            "17/May/2015:10:05:03 +009223372036854775807",
            "30/Feb/2024:10:05:03 +0000",
            "00/May/2015:10:05:03 +0000",
        ] {
            assert_eq!(unix(odd), None, "{odd}");
        }
    }

    #[test]
    fn quotes_in_fields_are_escaped() {
        let line = r#"192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a\"b HTTP/1.1" 200 5 "-" "x \"y\" z""#;
        let (_, line) = read(line).unwrap();
        assert_eq!(line.user_agent, r#"x "y" z"#);
        assert_eq!(line.target, "/a\"b");
        assert_eq!(line.status, 200);
    }
}
