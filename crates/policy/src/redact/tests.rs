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
        ("/reset/ozmwfitqldz5ldfjkonq", "/reset/[token]"),
        ("/reset/UGB54AMDHZUDTKAM", "/reset/[token]"),
        ("/reset/cefb2arprhlwsekk", "/reset/[token]"),
        ("/reset/547BBZZNKQONXRMGESNSTIQN25XPA3CA3VKCR6QE", "/reset/[token]"),
        ("/reset/LSXaoxJJOfiPkwed", "/reset/[token]"),
        ("AKIAIOSFODNN7EXAMPLE", "[token]"),
        ("abCdEfGhIjKlMnOpQrStUv", "[token]"),
        ("/i/xK3d9LmQ2pZ7", "/i/[token]"),
        ("/key/x7k2-9dm4-q8zp-1r5t", "/key/[token]"),
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
fn nothing_hides_beside_letters_or_behind_signs() {
    let cases = [
        // letters beside ids
        ("user131052-308T", "user[personal-id]"),
        ("/u/v811228-9874", "/u/v[personal-id]"),
        ("131052-308Tx", "[personal-id]x"),
        ("tel040-1234567", "tel[phone]"),
        // dashes and what is not seen
        ("131052\u{2010}308T", "[personal-id]"),
        ("131052\u{2011}308T", "[personal-id]"),
        ("131052\u{2013}308T", "[personal-id]"),
        ("131052\u{2212}308T", "[personal-id]"),
        ("131052\u{AD}-308T", "[personal-id]"),
        ("131052 - 308T", "[personal-id]"),
        ("ä – 0\u{200B}4\u{200C}0\u{200D}1\u{FEFF}234567 – ö", "ä – [phone] – ö"),
        ("\u{202D}+358 40 123 4567\u{202C}", "\u{202D}[phone]"),
        ("jane\u{AD}@exam\u{200B}ple.com", "[e-mail]"),
        // spaces
        ("040\u{A0}123\u{A0}4567", "[phone]"),
        ("040\u{202F}123\u{202F}4567", "[phone]"),
        ("81 12 28-9874", "[personal-id]"),
        ("8112 28-9874", "[personal-id]"),
        ("81+12+28-9874", "[personal-id]"),
        ("811228-T987", "[personal-id]"),
        ("040_123_4567", "[phone]"),
        ("040+123+4567", "[phone]"),
        ("+358+40+123+4567", "[phone]"),
        ("/call/040/123/4567/now", "/call/[phone]/now"),
        ("+358401234567+358401234568", "[phone][phone]"),
        ("040-1234567 2026-11-20", "[phone]-11-20"),
        // digits and signs of other scripts
        ("\u{FF11}\u{FF13}1052\u{FF0D}308\u{FF34}", "[personal-id]"),
        ("\u{660}\u{664}\u{660}\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}\u{667}", "[phone]"),
        ("\u{1D7D2}\u{1D7D2}\u{1D7D2}\u{1D7D2}55556", "[number]"),
        ("anna\u{FF20}acme.fi", "[e-mail]"),
        ("anna@acme\u{FF0E}fi", "[e-mail]"),
    ];
    for (text, want) in cases {
        assert_eq!(redact(text), want, "{text}");
    }
}

/// Words and slugs of English, Finnish, Swedish, Norwegian and German, names of code and of products.
const ORDINARY: &str = include_str!("tests/ordinary.txt");

#[test]
fn words_and_slugs_are_kept() {
    assert!(ORDINARY.lines().count() >= 200);
    for slug in ORDINARY.lines() {
        for sign in ["-", "_", "+", " ", "\u{2011}"] {
            let text = format!("/a/{}/", slug.replace('-', sign));
            assert!(matches!(redact(&text), Cow::Borrowed(_)), "{text}: {}", redact(&text));
        }
    }
}

/// The share of tokens of an alphabet that are replaced, of a thousand.
fn replaced_of_1000(alphabet: &[u8], length: usize) -> usize {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    let mut token = || -> String {
        (0..length).map(|_| char::from(alphabet[next() % alphabet.len()])).collect()
    };
    let left = |token: String| left(&format!("/reset/{token}")).contains(&token);
    let tokens = 10_000;
    (tokens - (0..tokens).filter(|_| left(token())).count()) * 1_000 / tokens
}

#[test]
fn tokens_of_every_alphabet_are_found() {
    let alphabets: [(&str, &[u8]); 7] = [
        ("hexadecimal", b"0123456789abcdef"),
        ("base32", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
        ("base32 of Crockford", b"0123456789abcdefghjkmnpqrstvwxyz"),
        ("base36", b"abcdefghijklmnopqrstuvwxyz0123456789"),
        ("base62", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
        ("base64url", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
        ("letters", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
    ];
    for (name, alphabet) in alphabets {
        for length in [16, 20, 24, 26, 32, 40, 64] {
            let share = replaced_of_1000(alphabet, length);
            println!("{name}, {length}: {share} of 1000");
            let least = if length < 20 { 950 } else { 990 };
            assert!(share >= least, "{name}, {length}: {share} of 1000");
        }
    }
    // No sign but its letters tells a token of small letters from a word.
    let small = b"abcdefghijklmnopqrstuvwxyz";
    assert!(replaced_of_1000(small, 16) >= 950 && replaced_of_1000(small, 32) >= 990);
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
        "01.02.2026 - 03.04.2026",
        "01.02.2026 10.30",
        "/archive/05/06/2026/12",
        "/2026/11/20/0123/x",
        "sale+2026+11+20",
        "täysi\u{2011}hoito – 4\u{FE0F}\u{20E3}",
        "\u{6F1}\u{6F4}\u{6F0}\u{6F5}",
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
    fn nothing_is_found_in_what_is_not_looked_through(
        text in "[^0-9@]{0,30}|[a-zäж\u{2013}\u{200B}:./% -]{0,24}\
            |([0-9]{1,2}|[a-fA-F]{1,4}|[a-zA-Z]{1,9}|[-+_]|[-+ ./_~$@%:]|%[24]0|\u{200B}|\u{2013}|\u{664}|ä){0,16}",
    ) {
        if !may_be_redacted(&text) {
            prop_assert_eq!(replace(&text), None);
        }
    }

    #[test]
    fn nothing_is_found_in_what_is_left_of_ids_and_signs(
        text in "([0-9]{2,6}|[a-zA-Z]{1,9}|[-+ ./_@%:]|\u{200B}|\u{2013}|\u{A0}|\u{664}){0,24}",
    ) {
        let once = left(&text);
        prop_assert_eq!(left(&once), once.as_str());
    }

    #[test]
    fn national_ids_are_found_beside_letters(
        before in "[a-zA-Z]{0,5}", day in "(0[1-9]|1[0-9]|2[0-8])(0[1-9]|1[0-2])[0-9]{2}",
        sign in "-|\u{2010}|\u{2011}|\u{2013}|\u{2212}|\u{AD}-|-\u{200B}| - ", tail in "[0-9]{3}[0-9A-Y]",
        after in "[a-z]{0,6}",
    ) {
        let kept = left(&format!("/{before}{day}{sign}{tail}{after}/"));
        prop_assert!(!kept.contains(&day) && !kept.contains(&tail), "{}", kept);
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
