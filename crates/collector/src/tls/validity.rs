//! Until when a certificate is good: the one field of it that is read here (X.509 in DER, RFC 5280). Whether
//! anybody believes the certificate is for whoever meets it to say.

use candor_event::Timestamp;

/// An element: its tag, what is in it, and what follows.
type Element<'a> = (u8, &'a [u8], &'a [u8]);

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which the first one did not write.
const VERSION: u8 = 0xa0;

/// The end of its validity; none when that cannot be read.
pub(super) fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (signed, _) = of_tag(SEQUENCE, certificate)?;
    let (mut fields, _) = of_tag(SEQUENCE, signed)?;
    if let Some((_, behind)) = of_tag(VERSION, fields) {
        fields = behind;
    }
    // The serial number, the algorithm, and who has issued it.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        fields = of_tag(tag, fields)?.1;
    }
    let (validity, _) = of_tag(SEQUENCE, fields)?;
    let (_, _, behind_not_before) = element(validity)?;
    let (tag, text, _) = element(behind_not_before)?;
    time(tag, text)
}

fn of_tag(wanted: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (tag, inside, behind) = element(bytes)?;
    (tag == wanted).then_some((inside, behind))
}

fn element(bytes: &[u8]) -> Option<Element<'_>> {
    let (&[tag, length], mut rest) = bytes.split_first_chunk()?;
    let mut length = usize::from(length);
    if length > 0x7f {
        // So many bytes have the length; files are not larger than three bytes tell.
        let (digits, behind) = rest.split_at_checked(length & 0x7f)?;
        if !(1..=3).contains(&digits.len()) {
            return None;
        }
        length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
        rest = behind;
    }
    let (inside, behind) = rest.split_at_checked(length)?;
    Some((tag, inside, behind))
}

/// `YYMMDDhhmmssZ`, of 1950 to 2049, or `YYYYMMDDhhmmssZ`.
fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let digits = text.strip_suffix(b"Z")?;
    let (pairs, odd) = digits.as_chunks::<2>();
    let pair = |[tens, ones]: &[u8; 2]| {
        let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
        Some(digit(*tens)? * 10 + digit(*ones)?)
    };
    let numbers = pairs.iter().map(pair).collect::<Option<Vec<_>>>()?;
    let (year, rest) = match (tag, &*numbers) {
        (UTC_TIME, [year @ 0..50, rest @ ..]) => (2_000 + year, rest),
        (UTC_TIME, [year, rest @ ..]) => (1_900 + year, rest),
        (GENERALIZED_TIME, [century, year, rest @ ..]) => (century * 100 + year, rest),
        _ => return None,
    };
    match rest {
        [month @ 1..=12, day @ 1..=31, hour @ 0..24, minute @ 0..60, second @ 0..=60]
            if odd.is_empty() && year >= 1_950 =>
        {
            let days = days_before(year, *month) + day - 1;
            Some(Timestamp::from_unix(((days * 24 + hour) * 60 + minute) * 60 + second))
        }
        _ => None,
    }
}

/// How many days lie between 1970 and a month, which is counted from 1.
fn days_before(year: i64, month: i64) -> i64 {
    let leaps = |year: i64| year / 4 - year / 100 + year / 400;
    let is_leap = leaps(year) > leaps(year - 1);
    let lengths = [31, 28 + i64::from(is_leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: i64 = (1..month).zip(lengths).map(|(_, days)| days).sum();
    (year - 1_970) * 365 + leaps(year - 1) - leaps(1_969) + months
}

#[cfg(test)]
mod tests {
    use candor_hostile::attack;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// A certificate that is good until the beginning of this day.
    fn certificate(year: i32, month: u8, day: u8) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(1_975, 1, 1);
        params.not_after = date_time_ymd(year, month, day);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_end_of_a_certificate_is_read() {
        for ((year, month, day), unix) in [
            ((1_999, 12, 31), 946_598_400),
            ((2_000, 3, 1), 951_868_800),
            ((2_026, 11, 29), 1_795_910_400),
            ((2_028, 2, 29), 1_835_395_200),
            ((2_049, 12, 31), 2_524_521_600),
            ((2_050, 1, 1), 2_524_608_000),
            ((2_100, 3, 1), 4_107_542_400),
            ((9_999, 12, 31), 253_402_214_400),
        ] {
            let read = not_after(&certificate(year, month, day));
            assert_eq!(read, Some(Timestamp::from_unix(unix)), "{year}-{month}-{day}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "Z",
            "261129000000",
            "2611290000Z",
            "26112900000Z",
            "261329000000Z",
            "26112924000xZ",
        ] {
            assert_eq!(time(UTC_TIME, text.as_bytes()), None, "{text}");
        }
        assert_eq!(time(INTEGER, b"261129000000Z"), None);
        assert_eq!(time(UTC_TIME, b"261129000001Z").map(Timestamp::unix), Some(1_795_910_401));
    }

    #[test]
    fn hostile_certificates() {
        let seeds = [certificate(2_026, 11, 29), certificate(2_100, 1, 1)];
        let seeds: Vec<_> = seeds.iter().map(Vec::as_slice).collect();
        let (mut read, mut refused) = (0_u64, 0_u64);
        attack("certificate", &seeds, &["\x30", "\x02", "991231235959Z"], |bytes| match not_after(
            bytes,
        ) {
            Some(end) => {
                read += 1;
                assert!((-631_152_000..=253_402_300_800).contains(&end.unix()), "{end:?}");
            }
            None => refused += 1,
        });
        assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
    }
}
