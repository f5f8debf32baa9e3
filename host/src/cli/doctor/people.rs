//! Whether the seats that the policy asks for can be filled.

use countersign_core::policy::{Policy, SeatHolders, SignatureKind};

use super::{Finding, chain};
use crate::auth::users::Users;
use crate::cli::output::counted;
use crate::cli::user;
use crate::config::{AuthMode, Config};

const CHECK: &str = "people";

pub(super) fn seats(config: &Config) -> Vec<Finding> {
    match config.auth.mode {
        AuthMode::Local => {}
        AuthMode::Upstream => return vec![Finding::ok(CHECK, "MLflow keeps the accounts")],
        AuthMode::Oidc(_) => return elsewhere(config, "the provider", "oidc:"),
        AuthMode::ProxyHeader(_) => return elsewhere(config, "the proxy", "proxy:"),
        AuthMode::None => {
            return vec![Finding::warn(
                CHECK,
                "everyone is anonymous, so that nobody can sign",
                "set `mode` under `[auth]`",
            )];
        }
    }
    let users = match user::load(&config.auth.users_file) {
        Ok(users) => users,
        Err(error) => return vec![Finding::fail(CHECK, chain(error), "mend the users' file")],
    };
    if users.iter().next().is_none() {
        let file = config.auth.users_file.display();
        let todo = "countersign user add NAME --password-stdin";
        return vec![Finding::fail(CHECK, format!("there is nobody in `{file}`"), todo)];
    }
    // A policy that cannot be read is a finding of its own.
    let text = std::fs::read_to_string(&config.policy_file).unwrap_or_default();
    let Ok(policy) = Policy::parse("policy", &text) else { return Vec::new() };
    let found: Vec<Finding> =
        policy.seats().iter().flat_map(|seat| seat_findings(seat, &policy, &users)).collect();
    if found.is_empty() {
        let seats = u64::try_from(policy.seats().len()).unwrap_or(u64::MAX);
        vec![Finding::ok(CHECK, format!("{} can be filled", counted(seats, "seat", "seats")))]
    } else {
        found
    }
}

/// Where accounts are kept elsewhere, only what the policy says can be looked at.
fn elsewhere(config: &Config, who: &str, prefix: &str) -> Vec<Finding> {
    let text = std::fs::read_to_string(&config.policy_file).unwrap_or_default();
    let Ok(policy) = Policy::parse("policy", &text) else { return Vec::new() };
    let mut found: Vec<Finding> = foreign_groups(&policy, prefix);
    let reauthenticates = policy.gates().iter().flat_map(|gate| gate.approvals.values());
    let asks = reauthenticates.into_iter().any(|tier| tier.signature == SignatureKind::Reauthenticate);
    if asks && matches!(config.auth.mode, AuthMode::ProxyHeader(_)) {
        let says = "the policy asks for re-authentication, which cannot be done behind a signing-in proxy";
        found.push(Finding::fail(CHECK, says, "set `mode` under `[auth]` to `oidc`, `local` or `upstream`"));
    }
    if found.is_empty() { vec![Finding::ok(CHECK, format!("{who} keeps the accounts"))] } else { found }
}

fn foreign_groups(policy: &Policy, prefix: &str) -> Vec<Finding> {
    let groups = policy.seats().iter().flat_map(|seat| seat.groups.iter().map(move |group| (seat, group)));
    let foreign = groups.filter(|(_, group)| !group.starts_with(prefix));
    let warn = |(seat, group): (&SeatHolders, &String)| {
        let says = format!("seat `{}` names group `{group}`, which nobody here is in", seat.name);
        Finding::warn(CHECK, says, format!("write `{prefix}GROUP`"))
    };
    foreign.map(warn).collect()
}

fn seat_findings(seat: &SeatHolders, policy: &Policy, users: &Users) -> Vec<Finding> {
    let (mut found, mut people) = (Vec::new(), 0);
    let name = &seat.name;
    for member in &seat.members {
        match users.by_name(member) {
            None => found.push(Finding::warn(
                CHECK,
                format!("seat `{name}` names `{member}`, who is nobody"),
                format!("countersign user add {member} --password-stdin, or take the name out of the policy"),
            )),
            Some(user) if user.machine => found.push(Finding::warn(
                CHECK,
                format!("seat `{name}` names `{member}`, a machine, which fills no seat"),
                "take the name out of the policy",
            )),
            Some(_) => people += 1,
        }
    }
    let needed = needed(seat, policy);
    if seat.groups.is_empty() && people < needed {
        found.push(Finding::fail(
            CHECK,
            format!(
                "seat `{name}` needs {}, and {people} of those whom it names can sign: what asks for it is held",
                counted(needed, "person", "people")
            ),
            format!("add {} more, as an account and under `[[seat]] name = \"{name}\"` in the policy", needed - people),
        ));
    }
    found
}

/// The most people that any gate wants in a seat.
fn needed(seat: &SeatHolders, policy: &Policy) -> u32 {
    let approvals = policy.gates().iter().flat_map(|gate| gate.approvals.values());
    approvals.filter_map(|approvals| approvals.seats.get(&seat.name)).copied().max().unwrap_or(0)
}
