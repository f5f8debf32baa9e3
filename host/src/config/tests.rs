use expect_test::{Expect, expect};

use super::*;

const DEPLOYED: &str = include_str!("../../deploy/countersign.toml");

/// Loads a file of this text from a folder of its own.
fn load(text: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> (tempfile::TempDir, Result<Config, ConfigError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("countersign.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::write(folder.path().join("password"), "hunter2\n").unwrap();
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let flags: Vec<(&str, String)> = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    let config = Config::load(Some(&path), environment, &flags);
    (folder, config)
}

#[expect(clippy::needless_pass_by_value, reason = "`expect!` is written in place")]
fn check_with(text: &str, environment: &[(&str, &str)], flags: &[(&str, &str)], expect: Expect) {
    let (folder, config) = load(text, environment, flags);
    let got = config.map_or_else(|error| error.to_string(), |_| "fine".to_owned());
    expect.assert_eq(&got.replace(&format!("{}/", folder.path().display()), ""));
}

fn check(text: &str, expect: Expect) {
    check_with(text, &[], &[], expect);
}

#[test]
fn the_deployed_file_says_the_defaults() {
    assert_eq!(toml::from_str::<File>(DEPLOYED).unwrap(), File::default());
    assert!(load(DEPLOYED, &[], &[]).1.is_ok());
}

#[test]
fn the_deployed_file_names_every_key_of_the_schema_and_no_other() {
    let uncommented: String = DEPLOYED
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    let written: toml::Table = toml::from_str(&uncommented).unwrap();
    let schema = Config::schema();
    let sections = schema["properties"].as_object().unwrap();
    assert_eq!(sections.len(), written.len());
    for section in sections.keys() {
        let name = schema["properties"][section]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let mut keys: Vec<&String> = schema["$defs"][name]["properties"].as_object().unwrap().keys().collect();
        let mut found: Vec<&String> = written[section].as_table().unwrap().keys().collect();
        keys.sort();
        found.sort();
        assert_eq!(keys, found, "[{section}]");
    }
}

#[test]
fn the_working_file_of_the_documentation() {
    let text = r#"
        [server]
        listen = "127.0.0.1:8080"            # MLflow's clients and browsers come here
        admin_listen = "127.0.0.1:9080"
        public_url = "http://127.0.0.1:8080" # used in links
        [upstream]
        url = "http://127.0.0.1:5000"
        [store]
        url = "sled:./data"
        [policy]
        file = "./policy.toml"
        [auth]
        mode = "local"
        users_file = "./users.toml"
    "#;
    let (folder, config) = load(text, &[], &[]);
    let config = config.unwrap();
    assert_eq!(config.policy_file, folder.path().join("./policy.toml"));
    assert_eq!(config.store, StoreLocation::Sled(folder.path().join("./data")));
    assert_eq!(config.webhook.url, "http://127.0.0.1:8080/_countersign/webhooks/mlflow");
    assert_eq!(config.reconcile.interval, Duration::from_secs(60));
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\nadmin_listen = \"127.0.0.1:1\"\n[log]\nformat = \"json\"";
    let environment = [("COUNTERSIGN__SERVER__LISTEN", "127.0.0.1:2"), ("COUNTERSIGN__SERVER__ADMIN_LISTEN", "127.0.0.1:2")];
    let (_folder, config) = load(text, &environment, &[("server.listen", "127.0.0.1:3")]);
    let config = config.unwrap();
    assert_eq!((config.server.listen.port(), config.server.admin_listen.port()), (3, 2));
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn numbers_and_lists_from_the_environment() {
    let environment = [
        ("COUNTERSIGN__SERVER__WORKERS", "3"),
        ("COUNTERSIGN__UPSTREAM__WORKSPACES", "[a, b]"),
        ("COUNTERSIGN__UPSTREAM__TOKEN", "12345"),
        ("PATH", "/bin"),
    ];
    let config = load("", &environment, &[]).1.unwrap();
    assert_eq!(config.server.workers.map(NonZeroUsize::get), Some(3));
    assert_eq!(config.upstream.workspaces, ["a", "b"]);
    assert!(matches!(config.upstream.credentials, Credentials::Bearer(token) if token.expose() == "12345"));
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let text = "[upstream]\nusername = \"ana\"\npassword_file = \"password\"\n[webhook]\nsecret = \"whisper\"";
    let config = load(text, &[], &[]).1.unwrap();
    let Credentials::Basic { username, password } = &config.upstream.credentials else { panic!("not basic") };
    assert_eq!((username.as_str(), password.expose()), ("ana", "hunter2"));
    let shown = format!("{}{config:?}", config.show());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(!shown.contains("whisper") && config.show().contains("secret = \"…\""), "{}", config.show());
}

#[test]
fn unknown_keys() {
    check("[server]\nlisen = \"x\"", expect!["countersign.toml: unknown key `lisen` in `[server]`: choose one of `listen`, `admin_listen`, `public_url`, `static_prefix`, `allowed_hosts`, `workers`"]);
    check("[sever]\nlisten = \"x\"", expect!["countersign.toml: unknown key `sever`: choose one of `server`, `upstream`, `store`, `policy`, `auth`, `oidc`, `proxy_header`, `facts`, `reconcile`, `schedule`, `webhook`, `notify`, `anchor`, `plugins`, `replay`, `ui`, `log`"]);
    check_with("", &[("COUNTERSIGN__STORE__PATH", "x")], &[], expect!["environment variable COUNTERSIGN__STORE__PATH: unknown key `path` in `[store]`: choose one of `url`"]);
    check_with("", &[], &[("log.colour", "x")], expect!["command line: unknown key `colour` in `[log]`: choose one of `format`, `level`"]);
}

#[test]
fn faults() {
    check("[server", expect!["countersign.toml: line 1 is not TOML: unclosed table, expected `]`"]);
    check("[server]\nlisten = 8080", expect!["countersign.toml: `server.listen`: must be a string, not number `8080`"]);
    check("[server]\nworkers = \"two\"", expect![[r#"countersign.toml: `server.workers`: must be a whole number, not string "two""#]]);
    check("[server]\nallowed_hosts = \"a\"", expect![[r#"countersign.toml: `server.allowed_hosts`: must be a list, as in `["a", "b"]`, not string "a""#]]);
    check("[webhook]\nsecret_file = \"gone\"", expect!["countersign.toml: `webhook.secret_file`: gone cannot be read: No such file or directory (os error 2): put it there, or name another file"]);
    check("[log]\nlevel = \"loud\"", expect!["countersign.toml: `log.level`: `loud` is no level: choose one of `error`, `warn`, `info`, `debug`, `trace`, or write `countersign=debug,info`"]);
    check("[log]\nlevel = \"countersign=debug,info\"", expect!["fine"]);
    check("[server]\nlisten = \"localhost\"\n[upstream]\nurl = \"mlflow:5000\"\ntimeout = \"0s\"", expect![[r#"
        countersign.toml: `server.listen`: `localhost` is no address: write an IP address and a port, as in `127.0.0.1:8080`
        countersign.toml: `upstream.url`: `mlflow:5000` is no URL: write it whole, as in `http://127.0.0.1:5000`
        countersign.toml: `upstream.timeout`: must be longer than nothing: write a span such as `30s`"#]]);
    check("[server]\nstatic_prefix = \"mlflow\"", expect!["countersign.toml: `server.static_prefix`: `mlflow` must begin with a slash: write `/mlflow`"]);
    check("[server]\nworkers = 0\n[plugins]\nmax_concurrent = 0", expect![[r#"
        countersign.toml: `server.workers`: must be at least 1
        countersign.toml: `plugins.max_concurrent`: must be at least 1"#]]);
    check("[store]\nurl = \"postgres://db/countersign\"", expect!["countersign.toml: `store.url`: PostgreSQL is not available in this version: write `sled:DIRECTORY`"]);
    check("[store]\nurl = \"./data\"", expect!["countersign.toml: `store.url`: `./data` is no store: write `sled:DIRECTORY`"]);
    check("[auth]\nmode = \"oidc2\"\nanonymous = \"write\"", expect![[r#"
        countersign.toml: `auth.mode`: `oidc2` is none of the choices: choose one of `local`, `upstream`, `oidc`, `proxy-header`, `none`
        countersign.toml: `auth.anonymous`: `write` is none of the choices: choose one of `none`, `read`"#]]);
    check("[auth]\nmode = \"ldap\"", expect!["countersign.toml: `auth.mode`: `ldap` is none of the choices: choose one of `local`, `upstream`, `oidc`, `proxy-header`, `none`"]);
    check("[upstream]\npassword = \"x\"", expect!["countersign.toml: `upstream.password`: has no user name: add `username`"]);
    check("[upstream]\ntoken = \"x\"\ntoken_file = \"password\"", expect!["countersign.toml: `upstream.token`: stands beside `upstream.token_file`: keep one of them"]);
    check("[anchor]\ngit_push = \"origin\"", expect!["countersign.toml: `anchor.git_push`: has nothing to push: set `git` as well"]);
    check("[anchor]\ngit = \"a.git\"\ngit_push = \" \"", expect!["countersign.toml: `anchor.git_push`: is empty: write a remote, as in `origin`"]);
    check("[webhook]\nsecret_file = \"empty\"", expect!["countersign.toml: `webhook.secret_file`: empty is empty: write the text there"]);
    check("[log]\nlevel = \"a=b=c\"", expect![[r#"countersign.toml: `log.level`: `a=b=c` is no filter: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5: write `info`, for instance"#]]);
    check_with("", &[("COUNTERSIGN__LOG__FORMAT", "xml")], &[], expect!["environment variable COUNTERSIGN__LOG__FORMAT: `log.format`: `xml` is none of the choices: choose one of `text`, `json`"]);
    let missing = Config::load(Some(Path::new("/nonexistent/countersign.toml")), [], &[]).unwrap_err();
    assert!(missing.to_string().starts_with("/nonexistent/countersign.toml: the file cannot be read"), "{missing}");
}

#[test]
fn identity_providers() {
    check("[auth]\nmode = \"oidc\"", expect![[r#"
        countersign.toml: `oidc.issuer`: is missing: `mode = "oidc"` needs it, as in `https://id.example.com`
        countersign.toml: `oidc.client_id`: is missing: `mode = "oidc"` needs it: register Countersign at the provider"#]]);
    check("[auth]\nmode = \"oidc\"\n[oidc]\nissuer = \"id.example.com\"\nclient_id = \"c\"\nscopes = [\"profile\"]\nclient_secret_file = \"empty\"", expect![[r#"
        countersign.toml: `oidc.issuer`: `id.example.com` is no URL: write it whole, as in `http://127.0.0.1:5000`
        countersign.toml: `oidc.client_secret_file`: empty is empty: write the text there
        countersign.toml: `oidc.scopes`: lacks `openid`, without which there is no sign-in: add it"#]]);
    check("[auth]\nmode = \"oidc\"\n[oidc]\nissuer = \"https://id.example.com/\"\nclient_id = \"c\"\nclient_secret_file = \"password\"", expect!["fine"]);
    check("[auth]\nmode = \"proxy-header\"", expect![[r#"countersign::config::file::File: `proxy_header.trusted_proxies`: is empty, so that anybody could say to be anybody: write the proxy's networks, as in `["10.0.0.0/8"]`"#]]);
    check("[auth]\nmode = \"proxy-header\"\n[proxy_header]\ntrusted_proxies = [\"10.0.0.0/33\", \"proxy\"]\nuser_header = \"X User\"", expect![[r#"
        countersign.toml: `proxy_header.trusted_proxies`: `10.0.0.0/33` is no network: write an address and a length, as in `10.0.0.0/8`
        countersign.toml: `proxy_header.user_header`: `X User` is no header's name: write one, as in `X-User`"#]]);
    check("[auth]\nmode = \"proxy-header\"\n[proxy_header]\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\", \"192.0.2.7\"]", expect!["fine"]);
    // What is not asked for is not read.
    check("[oidc]\nissuer = \"nonsense\"", expect!["fine"]);
}

#[test]
fn where_the_provider_sends_browsers_back_to() {
    let text = "[server]\npublic_url = \"https://models.example.org/\"\nstatic_prefix = \"/mlflow\"\n[auth]\nmode = \"oidc\"\n[oidc]\nissuer = \"https://id.example.com/\"\nclient_id = \"c\"\nclient_secret = \"s3cret\"";
    let (_folder, config) = load(text, &[("COUNTERSIGN__OIDC__AUDIENCE", "[\"mlflow\"]")], &[]);
    let config = config.unwrap();
    let AuthMode::Oidc(oidc) = &config.auth.mode else { panic!("{:?}", config.auth.mode) };
    assert_eq!(oidc.redirect.to_string(), "https://models.example.org/mlflow/_countersign/oidc/callback");
    assert_eq!((oidc.issuer.as_str(), oidc.audience.as_slice()), ("https://id.example.com/", &["mlflow".to_owned()][..]));
    assert!(!config.show().contains("s3cret"), "{}", config.show());
}

#[test]
fn mlflow_is_not_ourselves() {
    const OWN: &str = "countersign.toml: `upstream.url`: is where Countersign itself listens (`server.listen`): write MLflow's own address";
    for (listen, url) in [("127.0.0.1:8080", "http://127.0.0.1:8080"), ("0.0.0.0:8080", "http://localhost:8080/mlflow"), ("[::]:80", "http://[::1]"), ("10.0.0.7:443", "https://10.0.0.7")] {
        let error = load(&format!("[server]\nlisten = \"{listen}\"\n[upstream]\nurl = \"{url}\""), &[], &[]).1.unwrap_err().to_string();
        assert!(error.ends_with(OWN.trim_start_matches("countersign.toml")), "{listen} {url}: {error}");
    }
    for (listen, url) in [("127.0.0.1:8080", "http://127.0.0.1:5000"), ("127.0.0.1:8080", "http://10.0.0.7:8080"), ("127.0.0.1:8080", "http://mlflow:8080"), ("127.0.0.1:0", "http://127.0.0.1:0")] {
        check(&format!("[server]\nlisten = \"{listen}\"\n[upstream]\nurl = \"{url}\""), expect!["fine"]);
    }
}
