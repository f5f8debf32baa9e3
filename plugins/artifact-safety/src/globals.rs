//! Which globals a pickle may import. Classes of well-known libraries may, functions only by name: a constructor
//! keeps its arguments, a function does something with them.

mod lists;

use crate::config::ArtifactSafety;
use crate::pickle::Global;
use lists::{ALLOWED_NAMES, DENIED_MODULES, DENIED_NAMES, LIBRARIES, TORCH_DTYPES};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Allowed,
    Unknown,
    Denied,
}

/// Where a global stands: the gate's own lists first, `deny` before `allow`, then the built-in ones.
pub(crate) fn standing(global: &Global, config: &ArtifactSafety) -> Standing {
    let path = format!("{}.{}", global.module, global.name);
    let listed = |list: &[String]| list.iter().any(|pattern| matches(pattern, &path));
    if listed(&config.deny) {
        Standing::Denied
    } else if listed(&config.allow) {
        Standing::Allowed
    } else if is_denied(global, &path) {
        Standing::Denied
    } else if is_allowed(global, &path) {
        Standing::Allowed
    } else {
        Standing::Unknown
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(package) => path.strip_prefix(package).is_some_and(|rest| rest.starts_with('.')),
        None => path == pattern,
    }
}

fn is_denied(global: &Global, path: &str) -> bool {
    let by_module = DENIED_MODULES.iter().any(|module| within(&global.module, module));
    let by_name = DENIED_NAMES.contains(&path);
    // A dotted name walks attributes from the module: `linecache` + `os.system`, `X.__init__.__globals__`.
    let by_walk = global
        .name
        .split('.')
        .any(|part| part.starts_with("__") && part.ends_with("__") && part != "__main__")
        || (global.name.contains('.') && global.name.split('.').any(|part| DENIED_MODULES.contains(&part)));
    by_module || by_name || by_walk
}

fn is_allowed(global: &Global, path: &str) -> bool {
    if ALLOWED_NAMES.contains(&path) {
        return true;
    }
    let is_class = global
        .name
        .split('.')
        .all(|part| part.trim_start_matches('_').starts_with(|c: char| c.is_ascii_uppercase()));
    let of_library = LIBRARIES.iter().any(|library| within(&global.module, library));
    let rebuilds = global.module == "torch._utils" && global.name.starts_with("_rebuild_");
    let dtype = global.module == "torch" && TORCH_DTYPES.contains(&global.name.as_str());
    let random = global.module == "numpy.random._pickle"
        && global.name.starts_with("__")
        && global.name.ends_with("_ctor");
    (is_class && of_library) || rebuilds || dtype || random
}

fn within(module: &str, package: &str) -> bool {
    module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::{Standing, standing};
    use crate::config::ArtifactSafety;
    use crate::pickle::Global;

    fn of(module: &str, name: &str, config: &ArtifactSafety) -> Standing {
        standing(&Global { module: module.to_owned(), name: name.to_owned() }, config)
    }

    #[test]
    fn built_in_lists() {
        let check = |module: &str, name: &str, expect: Standing| {
            assert_eq!(of(module, name, &ArtifactSafety::default()), expect, "{module} {name}");
        };
        check("os", "system", Standing::Denied);
        check("posix", "system", Standing::Denied);
        check("os.path", "join", Standing::Denied);
        check("osmium", "read", Standing::Unknown);
        check("builtins", "eval", Standing::Denied);
        check("builtins", "set", Standing::Allowed);
        check("__builtin__", "apply", Standing::Denied);
        check("sklearn.linear_model._logistic", "LogisticRegression", Standing::Allowed);
        check("sklearn.utils", "os.system", Standing::Denied);
        check("sklearn.base", "clone", Standing::Unknown);
        check("sklearn.base", "BaseEstimator.__init__.__globals__", Standing::Denied);
        check("numpy.testing._private.utils", "runstring", Standing::Denied);
        check("numpy", "dtype", Standing::Allowed);
        check("numpy.random._pickle", "__randomstate_ctor", Standing::Allowed);
        check("torch._utils", "_rebuild_tensor_v2", Standing::Allowed);
        check("torch", "float32", Standing::Allowed);
        check("torch", "load", Standing::Denied);
        check("collections", "OrderedDict", Standing::Allowed);
        check("mymodels", "Net", Standing::Unknown);
    }

    #[test]
    fn the_lists_of_the_gate_come_first() {
        let list = |all: &[&str]| all.iter().map(|p| (*p).to_owned()).collect();
        let config = ArtifactSafety {
            allow: list(&["mymodels.*", "builtins.getattr"]),
            deny: list(&["mymodels.bad.*"]),
            ..Default::default()
        };
        let check =
            |module: &str, name: &str, expect: Standing| assert_eq!(of(module, name, &config), expect);
        check("mymodels", "Net", Standing::Allowed);
        check("mymodels.bad", "Net", Standing::Denied);
        check("mymodelsx", "Net", Standing::Unknown);
        check("builtins", "getattr", Standing::Allowed);
    }
}
