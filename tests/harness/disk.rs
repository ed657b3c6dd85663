//! A small disk of one process, which can be filled: a file system in memory that nobody else sees. Where
//! nothing may be mounted, files of its process may not grow instead, which refuses the same writes with
//! another error, or it stands still.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A directory with room of its own.
#[derive(Debug)]
pub struct SmallDisk {
    place: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Files may be bounded, to so many bytes; without a number, the process is stopped.
    Bounded(Option<u32>),
    /// The process in whose namespace it is mounted, and what leads there.
    Mounted(Child, Vec<String>),
}

impl SmallDisk {
    /// One of so many mebibytes and inodes in place of a directory. Where there is none, files of its process
    /// keep so many bytes when it is filled; or it is stopped then, for some do not notice such a bound.
    pub fn at(place: &Path, mebibytes: u32, inodes: u32, bytes: Option<u32>) -> Self {
        fs::create_dir_all(place).unwrap();
        let options = format!("size={mebibytes}m,nr_inodes={inodes}");
        // Whoever is not root may be it in a namespace of users.
        for more in [&["--mount"][..], &["--mount", "--map-root-user"]] {
            let mut holder = Command::new("unshare");
            holder.args(more).args(["--propagation", "private", "sh", "-c", MOUNT, "disk"]);
            holder.arg(&options).arg(place).process_group(0);
            holder.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut holder = holder.spawn().unwrap();
            let mut said = String::new();
            BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
            if said == "mounted\n" {
                let of =
                    |kind: &str, name: &str| format!("--{kind}=/proc/{}/ns/{name}", holder.id());
                let mut way = vec![of("mount", "mnt")];
                if more.len() > 1 {
                    way.extend([of("user", "user"), "--preserve-credentials".to_owned()]);
                }
                return Self { place: place.to_owned(), kind: Kind::Mounted(holder, way) };
            }
            holder.wait().unwrap();
        }
        eprintln!("nothing may be mounted here: files are bounded instead");
        Self { place: place.to_owned(), kind: Kind::Bounded(bytes) }
    }

    /// A program that lives on it.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        match &self.kind {
            Kind::Bounded(_) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(program.as_ref());
                shell
            }
            Kind::Mounted(_, way) => {
                let mut entered = Command::new("nsenter");
                entered.args(way).arg("--").arg(program.as_ref());
                entered
            }
        }
    }

    /// Leaves no room on it, for this process above all.
    pub fn fill(&self, process: Pid) {
        let place = match self.seen() {
            Ok(place) => place,
            Err(Some(bytes)) => return bound(process, &format!("{bytes}:")),
            Err(None) => return kill_process(process, Signal::STOP).unwrap(),
        };
        let mut ballast = File::create(place.join("ballast")).unwrap();
        for piece in [1 << 16, 1 << 9] {
            let zeros = vec![0; piece];
            while ballast.write_all(&zeros).is_ok() {}
        }
    }

    /// Leaves room, and no inode for one more file.
    pub fn use_up_inodes(&self, process: Pid) {
        let place = match self.seen() {
            Ok(place) => place,
            Err(Some(bytes)) => return bound(process, &format!("{bytes}:")),
            Err(None) => return kill_process(process, Signal::STOP).unwrap(),
        };
        let dir = place.join("ballast");
        fs::create_dir(&dir).unwrap();
        let mut names = 0_u32..;
        while names.next().is_some_and(|name| File::create(dir.join(name.to_string())).is_ok()) {}
    }

    /// Gives back what was taken.
    pub fn free(&self, process: Pid) {
        let place = match self.seen() {
            Ok(place) => place,
            Err(Some(_)) => return bound(process, "unlimited:"),
            Err(None) => return kill_process(process, Signal::CONT).unwrap(),
        };
        let ballast = place.join("ballast");
        if ballast.is_dir() { fs::remove_dir_all(ballast) } else { fs::remove_file(ballast) }
            .unwrap();
    }

    /// Where its files are seen from here.
    pub(crate) fn place(&self) -> PathBuf {
        self.seen().unwrap_or_else(|_| self.place.clone())
    }

    /// Where it is seen from here; or to what files are bounded instead.
    fn seen(&self) -> Result<PathBuf, Option<u32>> {
        match &self.kind {
            Kind::Bounded(bytes) => Err(*bytes),
            Kind::Mounted(holder, _) => {
                let root = PathBuf::from(format!("/proc/{}/root", holder.id()));
                Ok(root.join(self.place.strip_prefix("/").unwrap()))
            }
        }
    }
}

/// How long files of a process may be, while it lives.
fn bound(process: Pid, bytes: &str) {
    let pid = process.as_raw_nonzero().to_string();
    Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}")]).status().unwrap();
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Kind::Mounted(holder, _) = &mut self.kind {
            // Its end is the end of its input.
            drop(holder.stdin.take());
            holder.wait().ok();
        }
    }
}

/// Mounts, says so, and keeps the namespace until nobody needs it.
const MOUNT: &str = r#"mount -t tmpfs -o "$1" none "$2" && echo mounted && exec cat"#;
