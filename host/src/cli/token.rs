//! `countersign token`: what signs MLflow's client in.

use anyhow::Result;
use serde_json::json;

use super::args::Token as Command;
use super::context::Context;
use super::user::users_file;
use crate::auth::users::Users;
use crate::clock::SystemClock;

pub(super) fn run(context: &Context, command: Command) -> Result<()> {
    let config = context.config()?;
    let file = users_file(&config)?;
    match command {
        Command::New { name, label } => {
            let clock = SystemClock::new();
            let token = Users::edit(file, |users| users.issue_token(&name, &label, &clock))?;
            context.out.tell(
                &format!("token {} of `{name}` ({label}); it is not shown again:\n{token}", token.id),
                &json!({"id": token.id, "name": name, "label": label, "token": token.to_string()}),
            )
        }
        Command::Revoke { id } => {
            Users::edit(file, |users| users.revoke_token(&id))?;
            // The argument may be the token itself, which must not be repeated.
            let id = id.parse::<crate::auth::tokens::Token>().map_or(id, |token| token.id);
            context.out.tell(&format!("revoked token {id}"), &json!({"revoked": id}))
        }
    }
}
