//! Files that a command writes beside its work: its report and its log.
//!
//! Nothing is written through a symbolic link, and nothing that somebody else wrote is replaced or added to: a file that is there
//! must begin with a line of ours, and what comes is appended. A pipe or a device keeps nothing, so there is nothing to lose.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::OFlags;
use serde_json::Value;

use crate::{failure::Failure, typo};

/// No line of ours is longer.
const MAX_LINE: u64 = 1 << 20;
/// Descriptors of this process that a shell names: for `>(gzip > report.gz)` it opens a pipe.
const DESCRIPTORS: [&str; 2] = ["/dev/fd/", "/proc/self/fd/"];

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One line an object.
    Report,
    /// One line an event.
    Log,
}

impl Kind {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Report => ("report", "--report"),
            Self::Log => ("log file", "--log-file"),
        }
    }

    /// What each line has, whichever version wrote it.
    fn wrote(self, line: &Value) -> bool {
        let fields = match self {
            Self::Report => ["source", "outcome"],
            Self::Log => ["timestamp", "level"],
        };
        fields.iter().all(|field| line[*field].is_string())
    }
}

/// Opens a file to append to, and makes it if there is none: readable for its owner only.
pub fn append_to(path: &Path, kind: Kind) -> Result<File, Failure> {
    let (what, flag) = kind.words();
    if path.as_os_str() == "-" {
        return Err(typo::no_standard_streams());
    }
    if path.to_str().is_some_and(|path| path.starts_with("s3://")) {
        return Err(Failure::usage(format!("{flag} {path:?}: the {what} is a file of this machine")));
    }
    let opened = match is_descriptor(path) {
        true => OpenOptions::new().append(true).open(path).map(Ok),
        false => open(path, kind),
    };
    let refused = opened.map_err(|error| Failure::of_file(&format!("the {what}"), path, &error))?;
    refused.map_err(|why| {
        Failure::usage(format!("the {what} {path:?} {why}; nothing was changed"))
            .advise(format!("name another file with {flag}, or move this one away"))
    })
}

fn is_descriptor(path: &Path) -> bool {
    let Some(path) = path.to_str() else { return false };
    ["/dev/stdout", "/dev/stderr"].contains(&path) || DESCRIPTORS.iter().any(|begin| path.starts_with(begin))
}

/// The file, or why it is none to write to.
fn open(path: &Path, kind: Kind) -> io::Result<Result<File, &'static str>> {
    let no_follow = i32::from_ne_bytes(OFlags::NOFOLLOW.bits().to_ne_bytes());
    let made = OpenOptions::new().append(true).create_new(true).mode(0o600).custom_flags(no_follow).open(path);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map(Ok),
    }
    let there = fs::symlink_metadata(path)?;
    if there.is_symlink() {
        return Ok(Err("is a symbolic link, and nothing is written through links"));
    }
    if keeps_nothing(&there) {
        let file = OpenOptions::new().append(true).custom_flags(no_follow).open(path)?;
        let is_same = keeps_nothing(&file.metadata()?);
        return Ok(if is_same { Ok(file) } else { Err("changed while it was opened") });
    }
    if !there.is_file() {
        return Ok(Err("is no file"));
    }
    // What is looked at is what was opened: the name may lead to another file at any moment.
    let mut file = OpenOptions::new().read(true).append(true).custom_flags(no_follow).open(path)?;
    let opened = file.metadata()?;
    if !opened.is_file() || opened.nlink() != 1 {
        return Ok(Err("has other names too, or is no file"));
    }
    if opened.len() > 0 {
        if !begins_with_ours(&mut file, kind)? {
            return Ok(Err("holds something that longhaul did not write"));
        }
        end_line(&mut file)?;
    }
    Ok(Ok(file))
}

fn keeps_nothing(there: &Metadata) -> bool {
    there.file_type().is_fifo() || there.file_type().is_char_device()
}

fn begins_with_ours(file: &mut File, kind: Kind) -> io::Result<bool> {
    let mut head = Vec::new();
    file.take(MAX_LINE).read_to_end(&mut head)?;
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(serde_json::from_slice(line).is_ok_and(|line: Value| kind.wrote(&line)))
}

/// A run that was killed may have left half a line.
fn end_line(file: &mut File) -> io::Result<()> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last != *b"\n" { file.write_all(b"\n") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const OURS: &str = "{\"source\":\"s3://b/k\",\"outcome\":\"copied\"}\n";

    fn folder_with(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.jsonl");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn appended(path: &Path) -> Result<String, Failure> {
        append_to(path, Kind::Report)?.write_all(b"more\n").unwrap();
        Ok(fs::read_to_string(path).unwrap())
    }

    #[test]
    fn a_new_file_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.jsonl");
        assert_eq!(appended(&path).unwrap(), "more\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_report_of_ours_and_an_empty_file_grow_and_half_a_line_is_ended() {
        for (text, expected) in [
            (OURS.to_owned(), format!("{OURS}more\n")),
            (String::new(), "more\n".to_owned()),
            (format!("{OURS}{{\"sou"), format!("{OURS}{{\"sou\nmore\n")),
        ] {
            let (_folder, path) = folder_with(&text);
            assert_eq!(appended(&path).unwrap(), expected);
        }
    }

    #[test]
    fn what_others_wrote_stays_as_it_is() {
        for text in ["alias ll='ls -l'\n", "{}\n", "\n", "{\"source\":1,\"outcome\":2}\n", "[", "\u{0}"] {
            let (_folder, path) = folder_with(text);
            assert!(appended(&path).unwrap_err().message.contains("did not write"));
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn nothing_is_written_through_a_link_wherever_it_leads() {
        let (folder, path) = folder_with(OURS);
        let absent = folder.path().join("absent");
        for target in [&path, &absent] {
            let link = folder.path().join("link");
            symlink(target, &link).unwrap();
            assert!(appended(&link).unwrap_err().message.contains("symbolic link"));
            fs::remove_file(&link).unwrap();
        }
        assert!(!absent.exists());
        fs::hard_link(&path, folder.path().join("second name")).unwrap();
        assert!(appended(&path).unwrap_err().message.contains("other names"));
        assert_eq!(fs::read_to_string(&path).unwrap(), OURS);
    }

    #[test]
    fn a_device_keeps_nothing_and_a_folder_is_no_file() {
        assert!(append_to(Path::new("/dev/null"), Kind::Log).is_ok());
        assert!(append_to(tempfile::tempdir().unwrap().path(), Kind::Log).is_err());
        assert!(append_to(Path::new("-"), Kind::Log).unwrap_err().message.contains("no file name"));
        assert!(append_to(Path::new("s3://b/report"), Kind::Report).is_err());
    }
}
