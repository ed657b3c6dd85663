//! What a person is told of a file that does not compile: `bad/*.toml`, each beside the message that
//! it must yield. `CANDOR_BLESS=1` accepts the messages as they are.

use std::path::{Path, PathBuf};
use std::{fs, io};

#[test]
fn every_bad_file_is_refused_with_its_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 15, "the files have gone");
    let wrong: Vec<_> = files.iter().filter_map(|file| mismatch(file).unwrap()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What differs from the message that is expected.
fn mismatch(file: &Path) -> io::Result<Option<String>> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let message = match candor_policy::compile(&name, &fs::read_to_string(file)?) {
        Ok(_) => return Ok(Some(format!("{name} compiles"))),
        Err(problems) => format!("{problems}\n"),
    };
    let expected = file.with_extension("stderr");
    if std::env::var_os("CANDOR_BLESS").is_some() {
        fs::write(&expected, &message)?;
    }
    let want = fs::read_to_string(&expected).unwrap_or_default();
    let differs = format!("{name}: expected\n{want}\nfound\n{message}");
    Ok((message != want).then_some(differs))
}
