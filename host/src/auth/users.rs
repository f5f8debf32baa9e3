//! `users.toml`: local people and machines, their password hashes and tokens.
//!
//! The functions here read, change and write the file; [`super::live`] keeps a server's copy current. The file
//! is replaced in one step and readable by its owner only. Ledger entries know people by `id`, so a name may be
//! changed here, and a person removed, without breaking any proof.

mod file;

use std::path::{Path, PathBuf};

use countersign_core::names::PersonId;
use countersign_core::names::fold;
use serde::{Deserialize, Serialize};

use super::passwords::{self, PasswordError};
use super::tokens::{Token, TokenDigest, random_word};
use crate::clock::{Clock, NoRandomness};

const ID_CHARS: usize = 16;

/// Everyone in the file, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    users: Vec<User>,
}

/// One `[[user]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub id: PersonId,
    pub name: String,
    #[serde(default)]
    pub machine: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// RFC 3339.
    pub created: String,
    /// A PHC string. Without one, only tokens sign this user in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Goes up to end every session of this user.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub session_epoch: u32,
    #[serde(default, rename = "token", skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<StoredToken>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// One `[[user.token]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredToken {
    pub id: String,
    /// What it is for, in its owner's words.
    pub label: String,
    /// RFC 3339.
    pub created: String,
    pub sha256: TokenDigest,
}

#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{}, line {line}: {message}", path.display())]
    Invalid { path: PathBuf, line: usize, message: String },
    #[error("`{name}` is not a user name: {why}")]
    Name { name: String, why: &'static str },
    #[error("there is a user `{0}` already: choose another name, or remove that one first")]
    Taken(String),
    #[error("there is no user `{0}`: `countersign user list` shows who there is")]
    NoUser(String),
    #[error("there is no token `{0}`: `countersign user list` shows every token's id")]
    NoToken(String),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    #[error("the users cannot be written as TOML: {0}")]
    Encode(#[from] toml::ser::Error),
}

impl Users {
    /// Reads the file.
    ///
    /// # Errors
    /// Names the file and the line.
    pub fn load(path: &Path) -> Result<Self, UsersError> {
        file::load(path)
    }

    /// Changes the file under a lock, so that two commands at once lose nothing; `change` sees an empty list where
    /// there is no file yet. Nothing is written when `change` fails.
    ///
    /// # Errors
    /// Those of reading, of `change` and of writing.
    pub fn edit<T>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, UsersError>,
    ) -> Result<T, UsersError> {
        file::edit(path, change)
    }

    /// Adds a person or machine and gives its new id.
    ///
    /// # Errors
    /// When the name is not one or is taken, or the password is out of bounds.
    pub fn add(&mut self, new: NewUser<'_>, clock: &dyn Clock) -> Result<PersonId, UsersError> {
        validate_name(new.name)?;
        if self.by_name(new.name).is_some() {
            return Err(UsersError::Taken(new.name.to_owned()));
        }
        let password = new.password.map(|password| passwords::hash(password, clock)).transpose()?;
        let id = PersonId::new(format!("p_{}", random_word(clock, ID_CHARS)?));
        self.users.push(User {
            id: id.clone(),
            name: new.name.to_owned(),
            machine: new.machine,
            groups: new.groups.to_vec(),
            created: clock.now().to_string(),
            password,
            session_epoch: 0,
            tokens: Vec::new(),
        });
        Ok(id)
    }

    /// Removes a user with all tokens and gives it back. Its id is never used again.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn remove(&mut self, name: &str) -> Result<User, UsersError> {
        let place = self.users.iter().position(|user| is_called(user, name));
        place.map(|place| self.users.remove(place)).ok_or_else(|| UsersError::NoUser(name.to_owned()))
    }

    /// Sets a new password and ends all sessions.
    ///
    /// # Errors
    /// When there is no such user, or the password is out of bounds.
    pub fn set_password(&mut self, name: &str, password: &str, clock: &dyn Clock) -> Result<(), UsersError> {
        let hash = passwords::hash(password, clock)?;
        let user = self.find_mut(name)?;
        user.password = Some(hash);
        user.session_epoch = user.session_epoch.saturating_add(1);
        Ok(())
    }

    /// Makes a token for a user. This is the only time that it can be printed.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn issue_token(&mut self, name: &str, label: &str, clock: &dyn Clock) -> Result<Token, UsersError> {
        let token = Token::fresh(clock)?;
        let created = clock.now().to_string();
        let stored =
            StoredToken { id: token.id.clone(), label: label.to_owned(), created, sha256: token.digest() };
        self.find_mut(name)?.tokens.push(stored);
        Ok(token)
    }

    /// Revokes a token by its id, or by its printed form.
    ///
    /// # Errors
    /// When there is no such token.
    pub fn revoke_token(&mut self, id: &str) -> Result<(), UsersError> {
        let wanted = id.parse::<Token>().map_or_else(|_| id.to_owned(), |token| token.id);
        let owner = self.users.iter_mut().find(|user| user.tokens.iter().any(|token| token.id == wanted));
        let owner = owner.ok_or(UsersError::NoToken(wanted.clone()))?;
        owner.tokens.retain(|token| token.id != wanted);
        Ok(())
    }

    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| is_called(user, name))
    }

    #[must_use]
    pub fn by_id(&self, id: &PersonId) -> Option<&User> {
        self.users.iter().find(|user| &user.id == id)
    }

    /// The owner of a token, when its secret is right.
    #[must_use]
    pub fn by_token(&self, token: &Token) -> Option<&User> {
        let all = self.users.iter().flat_map(|user| user.tokens.iter().map(move |stored| (user, stored)));
        let found = all.into_iter().find(|(_, stored)| stored.id == token.id);
        let digest = found.map_or(&TokenDigest::NONE, |(_, stored)| &stored.sha256);
        let right = digest.matches(token);
        found.filter(|_| right).map(|(user, _)| user)
    }

    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.users.iter()
    }

    fn find_mut(&mut self, name: &str) -> Result<&mut User, UsersError> {
        self.users
            .iter_mut()
            .find(|user| is_called(user, name))
            .ok_or_else(|| UsersError::NoUser(name.to_owned()))
    }
}

/// What [`Users::add`] needs.
#[derive(Clone, Copy)]
pub struct NewUser<'a> {
    pub name: &'a str,
    pub machine: bool,
    pub groups: &'a [String],
    pub password: Option<&'a str>,
}

/// Names are compared folded, so that nobody can be mistaken for somebody else.
fn is_called(user: &User, name: &str) -> bool {
    fold(&user.name) == fold(name)
}

/// 1 to 64 of ASCII letters, digits and `. _ - @ +`, beginning with a letter or digit: no colon (RFC 7617 §2), no
/// look-alikes.
///
/// # Errors
/// Says what is wrong with it.
pub fn validate_name(name: &str) -> Result<(), UsersError> {
    let refuse = |why| Err(UsersError::Name { name: name.to_owned(), why });
    if name.is_empty() || name.len() > 64 {
        return refuse("write 1 to 64 characters");
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return refuse("begin with an ASCII letter or digit");
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@+".contains(&b)) {
        return refuse("use ASCII letters, digits and . _ - @ + only");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
