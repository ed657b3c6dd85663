use proptest::prelude::*;

use super::*;

fn left(text: &str) -> String {
    redact(text).into_owned()
}

#[test]
fn what_is_never_kept() {
    let cases = [
        // e-mail
        ("jane.doe@example.com", "[e-mail]"),
        ("/u/jane+x@mail.example.co.uk/", "/u/[e-mail]/"),
        ("/reset/jane%40example.com", "/reset/[e-mail]"),
        ("/reset/jane%2540example.com", "/reset/[e-mail]"),
        ("mailto:jünge@büro.example?x", "mailto:[e-mail]?x"),
        ("Write to jane@example.com.", "Write to [e-mail]"),
        ("a@b.example;c@d.example", "[e-mail];[e-mail]"),
        // phones
        ("+358401234567", "[phone]"),
        ("+358 40 123 4567", "[phone]"),
        ("tel:%2B46%2070%20123%2045%2067", "tel:[phone]"),
        ("+47 912 34 567", "[phone]"),
        ("+45 20 12 34 56", "[phone]"),
        ("+1 (212) 555-0100", "[phone]"),
        ("ring (040) 123 4567 nu", "ring [phone] nu"),
        ("/call/040-1234567", "/call/[phone]"),
        ("08-123 45 67", "[phone]"),
        ("912 34 567", "[phone]"),
        ("20 12 34 56", "[phone]"),
        ("00 358 40 1234567", "[phone]"),
        // national ids: hetu, personnummer, fødselsnummer, cpr
        ("/p/010190-123A", "/p/[personal-id]"),
        ("010101A123X", "[personal-id]"),
        ("010101Y9990", "[personal-id]"),
        ("811218-9876", "[personal-id]"),
        ("811218+9876", "[personal-id]"),
        ("19811218-9876", "[personal-id]"),
        ("811278-9873", "[personal-id]"),
        ("010190 12345", "[personal-id]"),
        ("410190%2012345", "[personal-id]"),
        ("070761-4285", "[personal-id]"),
        ("01019012345", "[phone]"),
        ("198112189876", "[number]"),
        ("8112189876", "[number]"),
        // network addresses
        ("Lookup 192.0.2.77", "Lookup [address]"),
        ("2001:db8::1:77", "[address]"),
        ("[2001:db8:0:1:2:3:4:5]", "[[address]]"),
        ("::ffff:192.0.2.77", "[address]"),
        // tokens
        ("/reset/3f9a8c7e6d5b4a3f", "/reset/[token]"),
        ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "[token]"),
        ("k=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmN", "k=[token]"),
        ("/s/aB3xY9_kQ2mN8-L0rT5vW", "/s/[token]"),
        ("winter-boots-3f9a8c7e6d5b4a3f", "[token]"),
        // long numbers
        ("/order/12345678", "/order/[number]"),
        ("id12345678x", "id[number]x"),
        ("4111 1111 1111 1111", "[number]"),
        ("FI21 1234 5600 0007 85", "FI21 [number]"),
        ("t=20260120123456", "t=[number]"),
    ];
    for (text, want) in cases {
        assert_eq!(redact(text), want, "{text}");
    }
}

#[test]
fn what_is_ordinary_is_kept_and_costs_no_memory() {
    let cases = [
        "/",
        "/blog/2026/11/20/how-to-choose-winter-boots",
        "/news/20261120",
        "/news/2026-11-20/10-best-cafes",
        "Prices 2024, 2025 and 2026",
        "2024 2025 2026",
        "01.02.2026",
        "2026-11-20 10:30",
        "at 10:30:45",
        "0.1234567",
        "/npm/react@18.2.0/index.js",
        "/@jane/posts/17",
        "@media 4 all",
        "/products/4711",
        "/iso27001certifiering2026",
        "h264encoding1080p",
        "/hinnasto/t%C3%A4yspitk%C3%A4",
        "%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82%20%D0%BC%D0%B8%D1%80",
        "Donaudampfschifffahrtsgesellschaft1",
        "sizes 36-38-40-42",
        "std::vec::Vec 2",
        "1 000 000 kr",
        "v1.2.3",
        "fe:ed",
        "utm 4 u",
    ];
    for text in cases {
        assert!(matches!(redact(text), Cow::Borrowed(_)), "{text}: {}", redact(text));
    }
}

proptest! {
    #[test]
    fn any_text_is_read_and_nothing_is_found_in_what_is_left(text in ".{0,60}") {
        let once = left(&text);
        prop_assert_eq!(left(&once), once.as_str());
    }

    #[test]
    fn numbers_beside_anything_are_found(
        before in "[a-z /?=.-]{0,5}", number in "[1-9][0-9]{8,20}", after in "[a-z /&.-]{0,5}",
    ) {
        let kept = left(&format!("{before}{number}{after}"));
        prop_assert!(!kept.contains(&number), "{}", kept);
    }

    #[test]
    fn somebody_at_a_host_is_found(
        user in "[a-z][a-z0-9._+-]{0,10}", sign in "@|%40", host in "[a-z][a-z0-9-]{0,8}",
        top in "com|fi|co\\.uk|xn--p1ai", around in "[ /?=<>]{0,2}",
    ) {
        let text = format!("{around}{user}{sign}{host}.{top}{around}");
        prop_assert_eq!(left(&text), format!("{around}[e-mail]{around}"));
    }

    #[test]
    fn tokens_drawn_by_lot_are_found(bytes: [u8; 16]) {
        let hex = format!("{:032x}", u128::from_be_bytes(bytes));
        prop_assert_eq!(left(&format!("/t/{hex}/x")), "/t/[token]/x");
    }

    #[test]
    fn an_address_of_a_network_is_found(octets: [u8; 4], groups: [u16; 8]) {
        let [a, b, c, d] = octets;
        prop_assert_eq!(left(&format!("from {a}.{b}.{c}.{d}, twice")), "from [address], twice");
        let v6: Vec<_> = groups.iter().map(|group| format!("{group:x}")).collect();
        let has_digit = v6.concat().bytes().any(|c| c.is_ascii_digit());
        let text = format!("at {}", v6.join(":"));
        prop_assert!(!has_digit || left(&text) == "at [address]", "{}", text);
    }
}
