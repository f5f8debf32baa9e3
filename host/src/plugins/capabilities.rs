//! Capabilities: what a component imports, what the policy grants, and what is therefore linked.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::policy::Grant;
use wasmtime::component::Linker;

use super::bindings::{artifacts, history, log, registry, types};
use super::state::State;
use super::wasi;

/// What an import of a component is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Import {
    /// Always there: shared types, and the parts of WASI that are frozen, seeded or refuse.
    Ambient,
    Capability(Grant),
    Unknown,
}

const AMBIENT_WASI: [&str; 6] = ["io", "cli", "clocks", "random", "filesystem", "sockets"];

/// Tells an import by its name, `namespace:package/interface@version`. The version is left to the linker.
pub(super) fn classify(import: &str) -> Import {
    let name = import.split_once('@').map_or(import, |(name, _)| name);
    if name == "countersign:plugin/types" {
        return Import::Ambient;
    }
    let ours = name.strip_prefix("countersign:plugin/");
    if let Some(capability) = Grant::ALL.into_iter().find(|c| ours == Some(c.as_str())) {
        return Import::Capability(capability);
    }
    let package =
        name.strip_prefix("wasi:").and_then(|rest| rest.split_once('/')).map(|(package, _)| package);
    match package {
        Some(package) if AMBIENT_WASI.contains(&package) => Import::Ambient,
        _ => Import::Unknown,
    }
}

/// The capabilities that a linker may lack.
const GRANTED: [Grant; 3] = [Grant::Registry, Grant::Artifacts, Grant::History];

/// What plugins are linked with, by what the policy grants. What is not granted is absent: there is nothing for a
/// guest to call.
pub(super) struct Linkers {
    ambient: Linker<State>,
    granting: BTreeMap<BTreeSet<Grant>, Linker<State>>,
}

impl Linkers {
    /// One for every set of grants.
    pub(super) fn new(engine: &wasmtime::Engine) -> wasmtime::Result<Self> {
        let ambient = ambient_linker(engine)?;
        let mut granting = BTreeMap::from([(BTreeSet::new(), ambient.clone())]);
        for grant in GRANTED {
            for (mut grants, mut linker) in granting.clone() {
                add(grant, &mut linker)?;
                grants.insert(grant);
                granting.insert(grants, linker);
            }
        }
        Ok(Self { ambient, granting })
    }

    pub(super) fn granting(&self, grants: &BTreeSet<Grant>) -> &Linker<State> {
        let granted: BTreeSet<Grant> = grants.iter().copied().filter(|g| GRANTED.contains(g)).collect();
        self.granting.get(&granted).unwrap_or(&self.ambient)
    }
}

fn add(grant: Grant, linker: &mut Linker<State>) -> wasmtime::Result<()> {
    match grant {
        Grant::Log => Ok(()),
        Grant::Registry => registry::add_to_linker::<State, State>(linker, |state| state),
        Grant::Artifacts => artifacts::add_to_linker::<State, State>(linker, |state| state),
        Grant::History => history::add_to_linker::<State, State>(linker, |state| state),
    }
}

fn ambient_linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    types::add_to_linker::<State, State>(&mut linker, |state| state)?;
    log::add_to_linker::<State, State>(&mut linker, |state| state)?;
    Ok(linker)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(import: &str, expect: Import) {
        assert_eq!(classify(import), expect, "{import}");
    }

    #[test]
    fn imports() {
        check("countersign:plugin/types@0.1.0", Import::Ambient);
        check("countersign:plugin/log@0.1.0", Import::Capability(Grant::Log));
        check("countersign:plugin/registry@0.1.3", Import::Capability(Grant::Registry));
        check("countersign:plugin/artifacts", Import::Capability(Grant::Artifacts));
        check("countersign:plugin/history@0.1.0", Import::Capability(Grant::History));
        check("countersign:plugin/http@0.1.0", Import::Unknown);
        check("wasi:cli/stderr@0.2.6", Import::Ambient);
        check("wasi:sockets/tcp@0.2.6", Import::Ambient);
        check("wasi:http/types@0.2.6", Import::Unknown);
        check("wasi:cli", Import::Unknown);
        check("evil:plugin/registry@0.1.0", Import::Unknown);
    }
}
