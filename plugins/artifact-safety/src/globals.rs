//! Which globals a pickle may import. Classes of well-known libraries may, functions only by name: a constructor
//! keeps its arguments, a function does something with them.

use crate::config::ArtifactSafety;
use crate::pickle::Global;

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

/// Everything in these modules runs commands, code, or reaches files, processes or the network.
const DENIED_MODULES: &[&str] = &[
    "os",
    "posix",
    "nt",
    "posixpath",
    "ntpath",
    "subprocess",
    "_posixsubprocess",
    "commands",
    "popen2",
    "sys",
    "importlib",
    "_frozen_importlib",
    "_frozen_importlib_external",
    "imp",
    "runpy",
    "shutil",
    "socket",
    "_socket",
    "ssl",
    "ctypes",
    "_ctypes",
    "pty",
    "webbrowser",
    "pip",
    "code",
    "codeop",
    "bdb",
    "pdb",
    "cProfile",
    "profile",
    "trace",
    "timeit",
    "doctest",
    "pydoc",
    "idlelib",
    "ensurepip",
    "venv",
    "asyncio",
    "multiprocessing",
    "threading",
    "_thread",
    "signal",
    "http",
    "urllib",
    "urllib2",
    "urllib3",
    "requests",
    "aiohttp",
    "httpx",
    "httplib",
    "ftplib",
    "smtplib",
    "telnetlib",
    "xmlrpc",
    "tempfile",
    "fileinput",
    "zipimport",
    "pkgutil",
    "site",
    "sysconfig",
    "distutils",
    "setuptools",
    "pkg_resources",
    "platform",
    "marshal",
    "pickle",
    "_pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "types",
    "inspect",
    "gc",
    "linecache",
    "test",
    "unittest",
    "lib2to3",
    "concurrent",
    "io",
    "_io",
    "codecs.open",
    "pathlib",
    "glob",
    "getpass",
    "atexit",
    "faulthandler",
    "logging.config",
    "sqlite3",
    "mmap",
    "fcntl",
    "resource",
    "select",
    "selectors",
    "socketserver",
    "wsgiref",
    "xml",
    "tarfile",
    "zipfile",
    "readline",
    "rlcompleter",
    "ast",
    "dis",
    "torch.hub",
    "torch.jit",
    "torch.serialization",
    "torch.package",
    "torch.utils.cpp_extension",
    "torch.utils.collect_env",
    "torch.utils._config_module",
    "torch.utils.bottleneck",
    "torch.utils.data.datapipes",
    "torch.distributed",
    "torch.multiprocessing",
    "torch.fx",
    "torch._inductor",
    "torch._dynamo",
    "torch.testing",
    "torch.onnx",
    "torch.ops",
    "numpy.testing",
    "numpy.f2py",
    "numpy.distutils",
    "numpy.ctypeslib",
    "numpy._core.records.fromfile",
    "numpy.compat",
    "joblib.externals",
    "joblib._parallel_backends",
    "scipy._lib._ccallback",
    "pandas.io",
    "pandas.core.computation",
    "pydoc_data",
];

/// Single functions that do the same.
const DENIED_NAMES: &[&str] = &[
    "builtins.eval",
    "builtins.exec",
    "builtins.compile",
    "builtins.__import__",
    "builtins.getattr",
    "builtins.setattr",
    "builtins.delattr",
    "builtins.open",
    "builtins.input",
    "builtins.breakpoint",
    "builtins.globals",
    "builtins.locals",
    "builtins.vars",
    "builtins.help",
    "__builtin__.eval",
    "__builtin__.exec",
    "__builtin__.execfile",
    "__builtin__.compile",
    "__builtin__.__import__",
    "__builtin__.getattr",
    "__builtin__.setattr",
    "__builtin__.delattr",
    "__builtin__.open",
    "__builtin__.file",
    "__builtin__.input",
    "__builtin__.raw_input",
    "__builtin__.apply",
    "__builtin__.reload",
    "__builtin__.globals",
    "__builtin__.locals",
    "__builtin__.vars",
    "operator.attrgetter",
    "operator.methodcaller",
    "_operator.attrgetter",
    "_operator.methodcaller",
    "operator.call",
    "_operator.call",
    "torch.load",
    "torch.save",
    "torch.compile",
    "torch.from_file",
    "torch.UntypedStorage.from_file",
    "torch.storage._load_from_bytes",
    "numpy.load",
    "numpy.save",
    "numpy.savez",
    "numpy.fromfile",
    "numpy.memmap",
    "numpy.loadtxt",
    "numpy.genfromtxt",
    "numpy.lib.npyio.load",
    "numpy.DataSource",
    "joblib.load",
    "joblib.dump",
    "joblib.numpy_pickle.load",
    "joblib.Parallel",
    "pandas.read_pickle",
    "pandas.eval",
    "pandas.DataFrame.eval",
    "pandas.DataFrame.query",
    "functools.reduce",
    "codecs.open",
    "logging.FileHandler",
    "logging.handlers.RotatingFileHandler",
    "keras.models.load_model",
    "tensorflow.keras.models.load_model",
    "mlflow.projects.run",
];

/// Their classes are kept values, estimators, layers and the like.
const LIBRARIES: &[&str] = &[
    "sklearn",
    "xgboost",
    "lightgbm",
    "catboost",
    "torch.nn",
    "scipy.sparse",
    "scipy.stats",
    "scipy.interpolate",
    "scipy.spatial",
    "statsmodels",
    "imblearn",
    "category_encoders",
    "pandas.core.frame",
    "pandas.core.series",
    "pandas.core.indexes",
    "pandas.core.internals",
    "pandas.core.arrays",
    "pandas.core.dtypes",
    "pandas._libs",
    "numpy.random",
    "numpy.dtypes",
    "numpy.ma.core",
    "torch.optim",
    "prophet",
    "pmdarima",
    "skops",
];

/// Found in the pickles that well-known libraries make.
const ALLOWED_NAMES: &[&str] = &[
    "builtins.set",
    "builtins.frozenset",
    "builtins.list",
    "builtins.dict",
    "builtins.tuple",
    "builtins.int",
    "builtins.float",
    "builtins.complex",
    "builtins.str",
    "builtins.bytes",
    "builtins.bytearray",
    "builtins.bool",
    "builtins.object",
    "builtins.slice",
    "builtins.range",
    "builtins.type",
    "builtins.Ellipsis",
    "builtins.NotImplemented",
    "__builtin__.set",
    "__builtin__.frozenset",
    "__builtin__.list",
    "__builtin__.dict",
    "__builtin__.tuple",
    "__builtin__.int",
    "__builtin__.long",
    "__builtin__.float",
    "__builtin__.complex",
    "__builtin__.str",
    "__builtin__.unicode",
    "__builtin__.bytes",
    "__builtin__.bytearray",
    "__builtin__.bool",
    "__builtin__.object",
    "__builtin__.slice",
    "__builtin__.xrange",
    "collections.OrderedDict",
    "collections.defaultdict",
    "collections.Counter",
    "collections.deque",
    "copyreg._reconstructor",
    "copy_reg._reconstructor",
    "_codecs.encode",
    "datetime.datetime",
    "datetime.date",
    "datetime.time",
    "datetime.timedelta",
    "datetime.timezone",
    "decimal.Decimal",
    "fractions.Fraction",
    "uuid.UUID",
    "functools.partial",
    "operator.itemgetter",
    "_operator.itemgetter",
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy.core.numeric._frombuffer",
    "numpy._core.numeric._frombuffer",
    "numpy.matrix",
    "numpy.bool_",
    "numpy.int8",
    "numpy.int16",
    "numpy.int32",
    "numpy.int64",
    "numpy.intc",
    "numpy.uint8",
    "numpy.uint16",
    "numpy.uint32",
    "numpy.uint64",
    "numpy.float16",
    "numpy.float32",
    "numpy.float64",
    "numpy.longdouble",
    "numpy.complex64",
    "numpy.complex128",
    "numpy.str_",
    "numpy.bytes_",
    "numpy.object_",
    "numpy.datetime64",
    "numpy.timedelta64",
    "numpy.bool",
    "numpy.ma.core._mareconstruct",
    "numpy.random._pickle.__randomstate_ctor",
    "joblib.numpy_pickle.NumpyArrayWrapper",
    "joblib.numpy_pickle.NDArrayWrapper",
    "joblib.numpy_pickle.ZNDArrayWrapper",
    "pandas._libs.internals._unpickle_block",
    "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked",
    "pandas.core.indexes.base._new_Index",
    "pandas.core.internals.managers.BlockManager",
    "sklearn.neighbors._dist_metrics.newObj",
    "sklearn.metrics._dist_metrics.newObj",
    "sklearn.neighbors._kd_tree.newObj",
    "sklearn.neighbors._ball_tree.newObj",
    "sklearn.preprocessing._data._identity",
    "sklearn.feature_extraction.text.strip_accents_unicode",
    "sklearn._loss.__pyx_unpickle_Enum",
    "torch.Tensor",
    "torch.Size",
    "torch.device",
    "torch.nn.parameter.Parameter",
    "torch._utils._rebuild_parameter",
    "torch._tensor._rebuild_from_type_v2",
    "torch.FloatStorage",
    "torch.DoubleStorage",
    "torch.HalfStorage",
    "torch.BFloat16Storage",
    "torch.LongStorage",
    "torch.IntStorage",
    "torch.ShortStorage",
    "torch.CharStorage",
    "torch.ByteStorage",
    "torch.BoolStorage",
    "torch.ComplexFloatStorage",
    "torch.ComplexDoubleStorage",
    "torch.storage.TypedStorage",
    "torch.storage.UntypedStorage",
    "torch.storage._TypedStorage",
    "torch.storage._UntypedStorage",
];

const TORCH_DTYPES: &[&str] = &[
    "float",
    "float16",
    "float32",
    "float64",
    "bfloat16",
    "double",
    "half",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "long",
    "short",
    "uint8",
    "bool",
    "complex64",
    "complex128",
    "strided",
    "sparse_coo",
    "sparse_csr",
    "contiguous_format",
    "channels_last",
    "preserve_format",
    "float8_e4m3fn",
    "float8_e5m2",
    "qint8",
    "quint8",
    "qint32",
];

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
