//! Policy files as nobody should write them: compiled or refused with problems, and never a panic. What is compiled
//! has a notice and a record that can be made.

use candor_hostile::attack;
use candor_policy::{DEMO, compile};

const WORDS: [&str; 10] = [
    "basis = \"consent\"\n",
    "retention = \"999999999999 years\"\n",
    "[purposes.x]\n",
    "[[sites]]\n",
    "hosts = [\"*\"]\n",
    "\"\"\"",
    "path_patterns = [\"/**/*/:x\"]\n",
    "1979-05-27T07:32:00Z",
    "v4 = 33\n",
    "fields = []\n",
];

#[test]
fn hostile_policies() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
    let mut files: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut texts: Vec<_> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
    texts.push(DEMO.as_bytes().to_vec());
    let seeds: Vec<_> = texts.iter().map(Vec::as_slice).collect();
    let (mut compiled, mut refused) = (0_u64, 0_u64);
    attack("policy", &seeds, &WORDS, |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return };
        match compile("hostile.toml", text) {
            Ok(_) => compiled += 1,
            Err(problems) => {
                refused += 1;
                assert!(!problems.to_string().is_empty());
            }
        }
    });
    assert!(compiled > 0 && refused > 0, "{compiled} compiled, {refused} refused");
}
