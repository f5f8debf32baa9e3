//! The macros that make a component of a type.

/// Makes a component of the world `check` from a type that implements [`Check`].
#[macro_export]
macro_rules! check {
    ($check:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use bindings::exports::countersign::plugin::checks::{Guest, Input};
            use $crate::bindings::check as bindings;
            use $crate::types::{ConfigError, Description, Report};

            struct Component;

            impl Guest for Component {
                fn describe() -> Description {
                    $crate::this_crate!()
                }
                fn validate_config(config: String) -> Result<(), Vec<ConfigError>> {
                    $crate::run::validate_check::<$check>(&config)
                }
                fn check(input: Input) -> Result<Report, String> {
                    $crate::run::check::<$check>(&input)
                }
            }

    bindings::export_check!(Component with_types_in bindings);
        };
    };
}

/// Makes a component of the world `rule` from a type that implements [`Rule`].
#[macro_export]
macro_rules! rule {
    ($rule:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use bindings::exports::countersign::plugin::rules::{Guest, Input, Ruling};
            use $crate::bindings::rule as bindings;
            use $crate::types::{ConfigError, Description};

            struct Component;

            impl Guest for Component {
                fn describe() -> Description {
                    $crate::this_crate!()
                }
                fn validate_config(config: String) -> Result<(), Vec<ConfigError>> {
                    $crate::run::validate_rule::<$rule>(&config)
                }
                fn decide(input: Input) -> Result<Ruling, String> {
                    $crate::run::decide::<$rule>(&input)
                }
            }

    bindings::export_rule!(Component with_types_in bindings);
        };
    };
}

/// Name and version of the crate that expands it: the manifest must say the same.
#[doc(hidden)]
#[macro_export]
macro_rules! this_crate {
    () => {
        $crate::types::Description {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    };
}
