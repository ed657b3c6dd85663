//! Secrets come from files that nobody else can read: never from the configuration itself, from the
//! environment or from the command line, which all show in places that nobody thinks of.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::ConfigError;

/// No password is longer; whoever names another file by mistake is told so.
const SECRET_BYTES_MAX: usize = 4_096;
/// What nobody may have but the owner: a group may read, for container platforms mount a secret for the
/// group of the process.
const OTHERS: u32 = 0o027;

/// Whether nobody else can reach the secret in a file.
pub(super) fn check(path: &Path) -> Result<(), ConfigError> {
    open(path).map(|_| ())
}

/// The secret in a file, without the line break at its end. Whatever held it is overwritten.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let shown = path.display();
    // Whole from the beginning, so that no part is left behind when it grows.
    let mut text = Zeroizing::new(String::with_capacity(2 * SECRET_BYTES_MAX));
    let read = open(path)?.take(SECRET_BYTES_MAX as u64 + 1).read_to_string(&mut text);
    read.map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    if text.len() > SECRET_BYTES_MAX {
        return Err(ConfigError::Value(format!(
            "{shown} has more than {SECRET_BYTES_MAX} bytes: is it the file of a password?"
        )));
    }
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        return Err(ConfigError::Value(format!("{shown} is empty: write the password into it")));
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

fn open(path: &Path) -> Result<File, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o7777;
    if mode & OTHERS == 0 {
        return Ok(file);
    }
    let shown = path.display();
    Err(ConfigError::Value(format!(
        "others can reach the secret in {shown} (mode {mode:04o}): chmod 600 {shown}"
    )))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn read_file(text: &str, mode: u32) -> Result<Zeroizing<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn one_line_break_at_the_end_is_none_of_it() {
        let cases =
            [("a b", "a b"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")];
        for (text, want) in cases {
            for mode in [0o400, 0o440, 0o600] {
                assert_eq!(*read_file(text, mode).unwrap(), want, "{text:?}");
            }
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_what_to_do() {
        for mode in [0o604, 0o620, 0o644, 0o777] {
            let refused = read_file("hidden", mode).unwrap_err();
            assert!(refused.contains("chmod 600"), "{refused}");
            assert!(!refused.contains("hidden"), "{refused}");
        }
        assert!(read_file("x", 0o400).is_ok());
        assert!(check(Path::new("/etc/passwd")).is_err());
    }

    #[test]
    fn a_file_that_holds_no_password_is_refused() {
        assert!(read_file("", 0o600).unwrap_err().contains("is empty"));
        assert!(read_file("\n", 0o600).unwrap_err().contains("is empty"));
        assert!(read_file(&"a".repeat(5_000), 0o600).unwrap_err().contains("4096"));
    }
}
