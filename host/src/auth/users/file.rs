//! The file itself: parsed with lines in its errors, replaced in one step, mode 0600.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{User, Users, UsersError, is_called, validate_name};
use crate::auth::passwords;

const FORMAT: u32 = 1;
const HEADER: &str = "# Written by `countersign user` and `countersign token`. Holds no secret in clear, but keep it private.\n\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parsed {
    format: Spanned<u32>,
    #[serde(default, rename = "user")]
    users: Vec<Spanned<User>>,
}

#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    #[serde(rename = "user")]
    users: &'a [User],
}

pub(super) fn load(path: &Path) -> Result<Users, UsersError> {
    let text = fs::read_to_string(path).map_err(io("read", path))?;
    parse(&text, path)
}

pub(super) fn parse(text: &str, path: &Path) -> Result<Users, UsersError> {
    let invalid = |span: Option<Range<usize>>, message: String| UsersError::Invalid {
        path: path.to_owned(),
        line: line_of(text, span.map_or(0, |span| span.start)),
        message,
    };
    let parsed: Parsed =
        toml::from_str(text).map_err(|error| invalid(error.span(), error.message().to_owned()))?;
    if *parsed.format.get_ref() != FORMAT {
        let message =
            format!("format {} is not known here: this version reads {FORMAT}", parsed.format.get_ref());
        return Err(invalid(Some(parsed.format.span()), message));
    }
    let mut users = Users::default();
    for user in parsed.users {
        let span = user.span();
        let user = user.into_inner();
        validate(&user, &users).map_err(|message| invalid(Some(span), message))?;
        users.users.push(user);
    }
    Ok(users)
}

fn validate(user: &User, before: &Users) -> Result<(), String> {
    validate_name(&user.name).map_err(|error| error.to_string())?;
    if user.id.as_str().is_empty() {
        return Err(format!("user `{}` has an empty id", user.name));
    }
    if before.users.iter().any(|other| is_called(other, &user.name)) {
        return Err(format!("there are two users `{}`: remove one", user.name));
    }
    if before.by_id(&user.id).is_some() {
        return Err(format!("the id of `{}` belongs to another user: ids are unique", user.name));
    }
    if user.password.as_deref().is_some_and(|phc| !passwords::is_hash(phc)) {
        return Err(format!(
            "the password of `{}` is not an argon2id hash: set it with `countersign user add`",
            user.name
        ));
    }
    Ok(())
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&b| b == b'\n').count() + 1
}

pub(super) fn edit<T>(
    path: &Path,
    change: impl FnOnce(&mut Users) -> Result<T, UsersError>,
) -> Result<T, UsersError> {
    let _lock = lock(path)?;
    let mut users = match load(path) {
        Err(UsersError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Users::default()
        }
        other => other?,
    };
    let answer = change(&mut users)?;
    save(&users, path)?;
    Ok(answer)
}

/// Held until dropped. A file of its own, because the users' file is replaced while it is locked.
fn lock(path: &Path) -> Result<File, UsersError> {
    let beside = with_suffix(path, ".lock");
    let file = private().create(true).truncate(false).open(&beside).map_err(io("open", &beside))?;
    file.lock().map_err(io("lock", &beside))?;
    Ok(file)
}

fn save(users: &Users, path: &Path) -> Result<(), UsersError> {
    let text = toml::to_string_pretty(&Written { format: FORMAT, users: &users.users })?;
    let fresh = with_suffix(path, ".new");
    let write = || {
        let mut file = private().create(true).truncate(true).open(&fresh)?;
        file.write_all(HEADER.as_bytes())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(io("write", &fresh))?;
    fs::rename(&fresh, path).map_err(io("replace", path))
}

/// Opens for writing; a file that it creates is its owner's alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> UsersError {
    let path = path.to_owned();
    move |source| UsersError::Io { doing, path, source }
}
