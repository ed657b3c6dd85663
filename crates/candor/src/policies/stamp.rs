//! How files looked when they were read.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{history, is_policy};

/// Names, sizes, times and inodes of files. Two that are the same tell that nothing was written in between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<Seen>);

/// A file: its name, its inode, its size, its time.
type Seen = (PathBuf, u64, u64, Option<SystemTime>);

// === impl Stamp ===

impl Stamp {
    /// Looks at a directory of policies and its history, or at a single file. What is missing is left out.
    pub(crate) fn of(place: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        if place.is_dir() {
            look(place, &mut files)?;
            let history = place.join(history::DIR);
            if history.is_dir() {
                look(&history, &mut files)?;
            }
        } else if let Ok(metadata) = place.metadata() {
            files.push(seen(place.to_owned(), &metadata));
        }
        files.sort();
        Ok(Self(files))
    }

    /// The files that were written to since, rather than replaced: what is in them now may be a part of what
    /// is to be.
    pub(crate) fn written_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a Path> {
        let is_written = |now: &&Seen| {
            let then = before.0.binary_search_by(|then| then.0.cmp(&now.0));
            let then = then.ok().and_then(|at| before.0.get(at));
            then.is_some_and(|then| now.1 == then.1 && *now != then)
        };
        self.0.iter().filter(is_written).map(|(path, ..)| path.as_path())
    }

    /// Looks at these files. What is missing is left out.
    pub(crate) fn of_files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let there = paths.into_iter().filter_map(|path| Some((path, path.metadata().ok()?)));
        Self(there.map(|(path, metadata)| seen(path.to_owned(), &metadata)).collect())
    }
}

fn look(dir: &Path, files: &mut Vec<Seen>) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        // One that goes away meanwhile is as if it had gone before.
        if is_policy(&path)
            && let Ok(metadata) = path.metadata()
        {
            files.push(seen(path, &metadata));
        }
    }
    Ok(())
}

fn seen(path: PathBuf, metadata: &Metadata) -> Seen {
    (path, metadata.ino(), metadata.len(), metadata.modified().ok())
}
