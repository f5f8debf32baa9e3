//! The code that `wit-bindgen` makes of the two worlds. `rule` shares the types and capabilities of `check`.
//!
//! The export macros carry the description of their world, so a plugin that uses one of them exports one world.

pub mod check {
    wit_bindgen::generate!({
        path: "../wit",
        world: "check",
        pub_export_macro: true,
        export_macro_name: "export_check",
        default_bindings_module: "countersign_sdk::bindings::check",
        runtime_path: "::countersign_sdk::rt",
        additional_derives: [PartialEq],
        additional_derives_ignore: ["artifact"],
        generate_all,
    });
}

pub mod rule {
    wit_bindgen::generate!({
        path: "../wit",
        world: "rule",
        pub_export_macro: true,
        export_macro_name: "export_rule",
        default_bindings_module: "countersign_sdk::bindings::rule",
        runtime_path: "::countersign_sdk::rt",
        with: {
            "countersign:plugin/types@0.1.0": crate::bindings::check::countersign::plugin::types,
            "countersign:plugin/log@0.1.0": crate::bindings::check::countersign::plugin::log,
            "countersign:plugin/registry@0.1.0": crate::bindings::check::countersign::plugin::registry,
            "countersign:plugin/history@0.1.0": crate::bindings::check::countersign::plugin::history,
        },
    });
}
