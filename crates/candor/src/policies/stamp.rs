//! How files looked when they were read.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{history, is_policy};

/// Names, sizes and times of all files that policies are read from. Two that are the same tell that nothing
/// was written in between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<(PathBuf, u64, Option<SystemTime>)>);

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

    /// Looks at these files. What is missing is left out.
    pub(crate) fn of_files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let there = paths.into_iter().filter_map(|path| Some((path, path.metadata().ok()?)));
        Self(there.map(|(path, metadata)| seen(path.to_owned(), &metadata)).collect())
    }
}

fn look(dir: &Path, files: &mut Vec<(PathBuf, u64, Option<SystemTime>)>) -> io::Result<()> {
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

fn seen(path: PathBuf, metadata: &Metadata) -> (PathBuf, u64, Option<SystemTime>) {
    (path, metadata.len(), metadata.modified().ok())
}
