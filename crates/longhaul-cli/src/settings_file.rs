//! The file that settings are read from: only one that was named.
//!
//! Whoever can write into a folder must not decide what a command does there. So a `longhaul.toml` that nobody named is only
//! mentioned. And any file can be named by mistake: what is said of one that cannot be used is the number of a line and a setting
//! of ours, and nothing that stands in it.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use crate::{out::tell, settings::CopySettings};

/// What a settings file is usually called.
const USUAL: &str = "longhaul.toml";
/// No settings file has more bytes.
const MAX_BYTES: u64 = 1 << 20;

/// A settings file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It cannot be read.
    #[error("the settings file {path:?} cannot be read")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It says something that cannot be.
    #[error("the settings file {path:?} cannot be used")]
    Flawed {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Flaw,
    },
}

/// What is wrong with a settings file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It is too large to be one.
    #[error("it has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// It is no text.
    #[error("it is not UTF-8")]
    NotText,
    /// It is in another language.
    #[error("line {0} is not TOML")]
    NotToml(usize),
    /// A key that is none.
    #[error("line {0}: there is no such setting")]
    Unknown(usize),
    /// A value that the setting cannot have.
    #[error("line {line}: {name} cannot have this value")]
    Value {
        /// The line.
        line: usize,
        /// The setting.
        name: String,
    },
}

/// Reads the named file. Without one, nothing is set.
pub fn read(named: Option<&Path>) -> Result<CopySettings, SettingsError> {
    let Some(path) = named else {
        mention_unused();
        return Ok(CopySettings::default());
    };
    let text = text_of(path).map_err(|source| SettingsError::Read { path: path.to_owned(), source })?;
    text.and_then(|text| parse(&text)).map_err(|source| SettingsError::Flawed { path: path.to_owned(), source })
}

fn mention_unused() {
    if Path::new(USUAL).symlink_metadata().is_ok() {
        tell!("{USUAL} in this folder is not used; name it with --config {USUAL}");
    }
}

fn text_of(path: &Path) -> io::Result<Result<String, Flaw>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Ok(Err(Flaw::TooLarge));
    }
    Ok(String::from_utf8(bytes).map_err(|_| Flaw::NotText))
}

fn parse(text: &str) -> Result<CopySettings, Flaw> {
    toml::from_str(text).map_err(|error| flaw(text, error.span().map_or(0, |span| span.start)))
}

/// What is wrong at this byte. The words of the reader's own error are not for showing: they quote the file.
fn flaw(text: &str, at: usize) -> Flaw {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let Ok(table) = text.parse::<Table>() else { return Flaw::NotToml(line) };
    let name_of = |key: &str| CopySettings::NAMES.iter().map(|name| name.replace('_', "-")).find(|name| name == key);
    let is_refused = |name: &String, value: &Value| {
        Table::from_iter([(name.clone(), value.clone())]).try_into::<CopySettings>().is_err()
    };
    let has_unknown = table.keys().any(|key| name_of(key).is_none());
    let mut values = table.iter().filter_map(|(key, value)| Some((name_of(key)?, value)));
    match values.find(|(name, value)| is_refused(name, value)) {
        Some((name, _)) if !has_unknown || line_sets(text, line, &name) => Flaw::Value { line, name },
        _ => Flaw::Unknown(line),
    }
}

/// Whether a line begins with this key.
fn line_sets(text: &str, line: usize, name: &str) -> bool {
    text.lines().nth(line - 1).is_some_and(|line| line.trim_start().starts_with(name))
}

#[cfg(test)]
mod tests {
    use bytesize::ByteSize;

    use super::*;

    #[test]
    fn flags_win_over_the_file() {
        let file = parse("objects = 5\npart-size = \"16MiB\"\ninclude = [\"*.jpg\"]").unwrap();
        let flags = CopySettings { objects: Some(7), ..CopySettings::default() };
        let merged = flags.over(file);
        assert_eq!(merged.objects, Some(7));
        assert_eq!(merged.part_size, Some(ByteSize::mib(16)));
        assert_eq!(merged.include, ["*.jpg"]);
    }

    /// What was read survives being merged with nothing on either side; what is refused is refused with words.
    fn hold(bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        match parse(text) {
            // Debug shows every setting.
            Ok(settings) => {
                let kept = settings.clone().over(CopySettings::default());
                assert_eq!(format!("{kept:?}"), format!("{settings:?}"));
                let under = CopySettings::default().over(settings.clone());
                assert_eq!(format!("{under:?}"), format!("{settings:?}"));
            }
            Err(error) => fuzz::has_words(&error, text.len()),
        }
    }

    #[test]
    fn hostile_files_hold() {
        fuzz::replay("settings", hold);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line_and_never_quoted() {
        let value = |line, name: &str| Flaw::Value { line, name: name.into() };
        let flaws = [
            ("objects = 5\nobject = 6\n", Flaw::Unknown(2)),
            ("[default]\naws_secret_access_key = \"hush\"\n", Flaw::Unknown(1)),
            ("[default]\naws_secret_access_key = hush/hush\n", Flaw::NotToml(2)),
            ("root:x:0:0:hush:/root:/bin/sh\n", Flaw::NotToml(1)),
            ("objects = 1\ncompare = \"hush\"\n", value(2, "compare")),
            ("part-size = \"hush\"\n", value(1, "part-size")),
            ("objects = \"hush\"\n", value(1, "objects")),
            ("hush = 1\nobjects = \"hush\"\n", Flaw::Unknown(1)),
        ];
        for (text, flaw) in flaws {
            let found = parse(text).unwrap_err();
            assert_eq!(found, flaw, "{text}");
            assert!(!found.to_string().contains("hush"), "{found}");
        }
    }
}
