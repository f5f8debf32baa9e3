//! What `bindgen!` makes of `wit/`: the two worlds over one set of shared types.

pub(super) mod check {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "check",
        imports: {
            "countersign:plugin/registry": async | trappable,
            "countersign:plugin/history": async | trappable,
            "countersign:plugin/artifacts.[method]artifact.read": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: { "countersign:plugin/artifacts.artifact": crate::plugins::calls::OpenArtifact },
    });
}

pub(super) mod rule {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "rule",
        exports: { default: async },
        with: {
            "countersign:plugin/types": super::check::countersign::plugin::types,
            "countersign:plugin/log": super::check::countersign::plugin::log,
            "countersign:plugin/registry": super::check::countersign::plugin::registry,
            "countersign:plugin/history": super::check::countersign::plugin::history,
        },
    });
}

pub(super) use check::countersign::plugin::{artifacts, history, log, registry, types};
pub(super) use check::exports::countersign::plugin::checks;
pub(super) use check::{Check, CheckPre};
pub(super) use rule::exports::countersign::plugin::rules;
pub(super) use rule::{Rule, RulePre};
