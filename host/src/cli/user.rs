//! `countersign user`: people and machines of `[auth] mode = "local"`.

use std::fmt::{self, Display};
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use countersign_core::names::PersonId;
use countersign_core::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::args::User as Command;
use super::context::Context;
use super::failure::hinted;
use super::machinery::runtime;
use super::operator::Operator;
use super::output::{counted, table};
use super::place::{self, Found};
use crate::auth::users::{NewUser, User, Users};
use crate::clock::SystemClock;
use crate::config::{AuthMode, Config};

/// More than any password that is taken.
const MAX_PASSWORD_BYTES: u64 = 4096;

pub(super) fn run(context: &Context, command: Command) -> Result<()> {
    let config = context.config()?;
    if let Command::Erase { who } = command {
        return erase(context, &config, &who);
    }
    let file = users_file(&config)?;
    match command {
        Command::Add { name, machine, password_stdin } => add(context, file, &name, machine, password_stdin),
        Command::List => list(context, file),
        Command::Remove { name } => remove(context, file, &name),
        Command::Erase { .. } => Ok(()),
    }
}

/// What the server says of an erasure.
#[derive(Deserialize, Serialize)]
struct Forgotten {
    person: PersonId,
    entry: u64,
    /// It was done then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Millis>,
}

/// First the key, which only the server can take away while it runs; then the account.
fn erase(context: &Context, config: &Config, who: &str) -> Result<()> {
    if matches!(place::find_store(config)?, Found::AtRest(_)) {
        return Err(hinted(
            "no server has the store open, and an erasure is an entry in its ledger",
            "start `countersign serve`, and run this again",
        ));
    }
    let file = matches!(config.auth.mode, AuthMode::Local).then_some(config.auth.users_file.as_path());
    let users = file.map(Users::load).transpose()?;
    let account = users.as_ref().and_then(|users| users.by_name(who).or_else(|| users.by_id(&who.into())));
    let id = account.map_or(who, |account| account.id.as_str());
    let operator = Operator::new(config)?;
    let told: Forgotten = runtime()?.block_on(operator.post("/operator/people/erase", &[("who", id)]))?;
    if let (Some(file), Some(account)) = (file, account) {
        Users::edit(file, |users| users.remove(&account.name).map(drop))?;
    }
    let Forgotten { person, entry, before } = &told;
    let text = match before {
        None => format!("erased {person} (ledger entry {entry}); every proof holds as before"),
        Some(at) => {
            format!("{person} was erased on {at} already (ledger entry {entry}): nothing was left to erase")
        }
    };
    context.out.tell(&text, &told)
}

/// The users' file, where there is one to be kept.
pub(super) fn users_file(config: &Config) -> Result<&Path> {
    ensure!(
        matches!(config.auth.mode, AuthMode::Local),
        hinted(
            "this installation keeps no users of its own",
            "set `mode = \"local\"` under `[auth]`, or manage accounts where they are kept",
        )
    );
    Ok(&config.auth.users_file)
}

/// Everyone in the file; nobody where there is none yet.
pub(super) fn load(file: &Path) -> Result<Users> {
    Ok(if file.exists() { Users::load(file)? } else { Users::default() })
}

fn add(context: &Context, file: &Path, name: &str, machine: bool, password_stdin: bool) -> Result<()> {
    let password = password_stdin.then(password).transpose()?;
    let clock = SystemClock::new();
    let new = NewUser { name, machine, groups: &[], password: password.as_deref() };
    let id = Users::edit(file, |users| users.add(new, &clock))?;
    let kind = kind(machine);
    let by_token = || format!(", who signs in by token: `countersign token new {name}`");
    let next = if password.is_none() { by_token() } else { String::new() };
    context.out.tell(
        &format!("added {kind} `{name}` ({id}){next}"),
        &json!({"id": id, "name": name, "machine": machine, "password": password.is_some()}),
    )
}

const fn kind(machine: bool) -> &'static str {
    if machine { "machine" } else { "person" }
}

/// All of standard input, but for one newline at its end.
pub(super) fn password() -> Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MAX_PASSWORD_BYTES).read_to_string(&mut text);
    read.context("reading the password from standard input")?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let password = line.strip_suffix('\r').unwrap_or(line);
    ensure!(
        !password.is_empty(),
        hinted(
            "standard input holds no password",
            "printf '%s' \"$PASSWORD\" | countersign user add NAME --password-stdin",
        )
    );
    Ok(password.to_owned())
}

fn remove(context: &Context, file: &Path, name: &str) -> Result<()> {
    let gone = Users::edit(file, |users| users.remove(name))?;
    let tokens = gone.tokens.len() as u64;
    context.out.tell(
        &format!(
            "removed `{}` with {}; what the ledger says of {} stays",
            gone.name,
            counted(tokens, "token", "tokens"),
            gone.id
        ),
        &json!({"id": gone.id, "name": gone.name, "tokens": tokens}),
    )
}

/// What may be shown of a user: neither hash.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    id: &'a str,
    machine: bool,
    password: bool,
    groups: &'a [String],
    created: &'a str,
    tokens: Vec<TokenRow<'a>>,
}

#[derive(Serialize)]
struct TokenRow<'a> {
    id: &'a str,
    label: &'a str,
    created: &'a str,
}

impl<'a> From<&'a User> for Row<'a> {
    fn from(user: &'a User) -> Self {
        let row = |token: &'a crate::auth::users::StoredToken| TokenRow {
            id: &token.id,
            label: &token.label,
            created: &token.created,
        };
        Self {
            name: &user.name,
            id: user.id.as_str(),
            machine: user.machine,
            password: user.password.is_some(),
            groups: &user.groups,
            created: &user.created,
            tokens: user.tokens.iter().map(row).collect(),
        }
    }
}

struct Rows<'a>(&'a [Row<'a>]);

impl Display for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nobody yet: `countersign user add NAME --password-stdin`");
        }
        let heading = ["NAME", "KIND", "ID", "PASSWORD", "TOKENS"].map(str::to_owned).to_vec();
        let rows = self.0.iter().map(|row| {
            let tokens: Vec<_> = row.tokens.iter().map(|t| format!("{} ({})", t.id, t.label)).collect();
            let password = if row.password { "yes" } else { "no" };
            [row.name, kind(row.machine), row.id, password, &tokens.join(", ")].map(str::to_owned).to_vec()
        });
        f.write_str(&table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>()))
    }
}

fn list(context: &Context, file: &Path) -> Result<()> {
    let users = load(file)?;
    let rows: Vec<Row<'_>> = users.iter().map(Row::from).collect();
    context.out.tell(&Rows(&rows), &json!({"users": &rows}))
}
