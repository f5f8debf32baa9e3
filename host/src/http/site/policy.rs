//! The policy in force and its plugins.

use axum::response::Response;
use countersign_core::policy::{Gate, Mode};
use http::StatusCode;

use super::{Visitor, page};
use crate::app::Generation;
use crate::http::pages::Nav;
use crate::http::pages::plugins::{PluginRow, PluginsPage};
use crate::http::pages::policy::{PolicyGate, PolicyMode, PolicyPage, PolicySeat};

pub(super) async fn show(visitor: Visitor) -> Response {
    let generation = visitor.app().generation.load_full();
    let policy = &generation.policy;
    let seats = policy.seats().iter().map(|seat| PolicySeat {
        name: seat.name.to_string(),
        members: seat.members.iter().cloned().collect(),
        groups: seat.groups.iter().cloned().collect(),
    });
    let tiers = policy
        .tiers()
        .iter()
        .map(|tier| (tier.name.to_string(), tier.when.as_ref().map(|when| when.as_str().to_owned())));
    let shown = PolicyPage {
        chrome: visitor.chrome(Nav::Policy),
        file: generation.file.display().to_string(),
        digest: policy.digest().to_string(),
        loaded: visitor.when(generation.loaded_at),
        reload_error: visitor.app().reload_error(),
        gates: policy.gates().iter().map(gate).collect(),
        seats: seats.collect(),
        tiers: tiers.collect(),
    };
    page(StatusCode::OK, &shown)
}

pub(super) async fn plugins(visitor: Visitor) -> Response {
    let generation = visitor.app().generation.load_full();
    let rows = generation.policy.plugins().iter().filter_map(|wanted| row(&generation, wanted));
    let shown = PluginsPage { chrome: visitor.chrome(Nav::Plugins), plugins: rows.collect() };
    page(StatusCode::OK, &shown)
}

fn row(generation: &Generation, wanted: &countersign_core::policy::Plugin) -> Option<PluginRow> {
    let manifest = generation.plugins.get(&wanted.name)?.manifest();
    let asked: Vec<_> = manifest.capabilities.iter().copied().collect();
    let (granted, withheld): (Vec<_>, Vec<_>) =
        asked.into_iter().partition(|capability| wanted.grants.contains(capability));
    let words = |list: Vec<countersign_core::policy::Grant>| {
        list.into_iter().map(|grant| grant.as_str().to_owned()).collect()
    };
    let uses = |gate: &&Gate| {
        let checks = gate.checks.iter().map(|check| &check.plugin);
        checks.chain(gate.rules.iter().map(|rule| &rule.plugin)).any(|plugin| plugin == &wanted.name)
    };
    Some(PluginRow {
        name: wanted.name.to_string(),
        version: manifest.version.clone(),
        description: manifest.description.clone(),
        kinds: manifest.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
        source: wanted.source.to_string(),
        digest: wanted.digest.to_string(),
        granted: words(granted),
        withheld: words(withheld),
        gates: generation.policy.gates().iter().filter(uses).map(|gate| gate.name.to_string()).collect(),
        error: None,
    })
}

fn gate(gate: &Gate) -> PolicyGate {
    let approvals = gate.approvals.iter().map(|(tier, asked)| {
        let seats = asked.seats.iter().map(|(seat, count)| format!("{count} × {seat}")).collect();
        (tier.to_string(), seats)
    });
    PolicyGate {
        name: gate.name.to_string(),
        mode: match gate.mode {
            Mode::Enforce => PolicyMode::Enforce,
            Mode::Monitor => PolicyMode::Monitor,
            Mode::Off => PolicyMode::Off,
        },
        models: gate.models.iter().map(ToString::to_string).collect(),
        guards: gate.guards.iter().map(ToString::to_string).collect(),
        checks: gate.checks.iter().map(|check| (check.plugin.to_string(), check.required)).collect(),
        approvals: approvals.collect(),
    }
}
