//! What lies on this machine: addresses, keys, the store, the policy with its plugins.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use super::{Finding, chain};
use crate::app::{Generation, all_unstable, has_lists, unlisted};
use crate::cli::output::counted;
use crate::cli::place::{self, Found};
use crate::cli::{machinery, remote};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::ledger::{LedgerError, verify};
use crate::store::Store;

/// Whether links lead to us, and whether sign-in is safe on the way.
pub(super) fn public_url(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "address";
    let url = &config.server.public_url;
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let ip = host.parse::<IpAddr>().ok();
    let local = host == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
    let listen = config.server.listen;
    vec![if ip.is_some_and(|ip| ip.is_unspecified()) {
        Finding::fail(
            CHECK,
            format!("links would lead to {url}, which is no address to go to"),
            "set `public_url` under `[server]` to the URL that people type",
        )
    } else if local && !listen.ip().is_loopback() {
        Finding::warn(
            CHECK,
            format!(
                "we listen on {listen} for others, and links lead to {url}, which is each reader's own machine"
            ),
            "set `public_url` under `[server]` to the URL that people type",
        )
    } else if !local && url.scheme_str() == Some("http") {
        Finding::warn(
            CHECK,
            format!("people reach us at {url}: passwords and tokens travel in clear"),
            "put TLS in front, and set `public_url` under `[server]` to its https URL",
        )
    } else {
        Finding::ok(CHECK, format!("{listen}, for people {url}"))
    }]
}

/// Keys are their owner's alone.
pub(super) fn keys(config: &Config) -> Vec<Finding> {
    let users = config.auth.users_file.clone();
    let sessions = place::store_dir(config).with_file_name("session.key");
    let files = [place::ledger_key(config), place::operator_key(config), sessions, users];
    let open: Vec<Finding> = files.iter().filter_map(|file| too_open(file)).collect();
    if open.is_empty() { vec![Finding::ok("keys", "nobody else can read them")] } else { open }
}

fn too_open(file: &Path) -> Option<Finding> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let file = file.display();
        Finding::fail(
            "keys",
            format!("`{file}` can be read by others (mode {mode:o})"),
            format!("chmod 600 {file}, and ask yourself whether it was copied"),
        )
    })
}

/// Whether the store can be opened and written, and the end of the ledger is as it should be.
pub(super) async fn store(config: &Config) -> Vec<Finding> {
    let dir = place::store_dir(config);
    if !dir.join("db").exists() {
        return vec![new_store(dir)];
    }
    match place::find_store(config) {
        Ok(Found::AtRest(store)) => {
            let good = Finding::ok("store", format!("`{}` can be opened and written", dir.display()));
            let unstable = all_unstable(&*store).unwrap_or_default();
            let found = unstable.iter().map(Finding::unstable);
            vec![good, ledger(config, store).await].into_iter().chain(found).collect()
        }
        Ok(Found::Served) => vec![served(config).await],
        Err(error) => vec![Finding::fail("store", chain(error), "see the message")],
    }
}

fn new_store(dir: &Path) -> Finding {
    let mut parent = dir.parent().unwrap_or(Path::new("."));
    while !parent.exists() && !parent.as_os_str().is_empty() {
        parent = parent.parent().unwrap_or(Path::new(""));
    }
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let probe = parent.join(format!(".countersign-doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => Finding::ok("store", format!("`{}` will be made at the first start", dir.display())),
        Err(error) => Finding::fail(
            "store",
            format!("`{}` cannot be made: {error}", dir.display()),
            format!("let this user write in `{}`, or set `url` under `[store]`", parent.display()),
        ),
    }
}

async fn ledger(config: &Config, store: Arc<dyn Store>) -> Finding {
    match verify::verifier(&*store) {
        Err(LedgerError::NoLedger) => return Finding::ok("ledger", "begins at the first start"),
        Err(error) => return Finding::fail("ledger", chain(error), "countersign ledger verify"),
        Ok(_) => {}
    }
    let counted = match place::ledger(config, Arc::clone(&store)).await {
        Ok(ledger) => ledger.len().map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    if let Some(entry) = counted.as_ref().ok().and_then(|size| newest_unlisted(&*store, *size)) {
        return Finding::fail(
            "ledger",
            format!("entry {entry} is not in the lists by which it is found by what it is about"),
            "countersign ledger index",
        );
    }
    match counted {
        Ok(entries) => Finding::ok(
            "ledger",
            format!("its end is whole ({entries} entries); `countersign ledger verify` checks all of it"),
        ),
        Err(error) => Finding::fail("ledger", chain(error), "countersign ledger verify"),
    }
}

/// One of the newest entries that is missing in a list, where lists are kept. What cannot be read was told already.
fn newest_unlisted(store: &dyn Store, size: u64) -> Option<u64> {
    const NEWEST: u64 = 1_000;
    has_lists(store).ok().filter(|has| *has)?;
    unlisted(store, size.saturating_sub(NEWEST), &mut |_| ()).ok().flatten()
}

/// The store is open elsewhere: ask whether its owner is well.
async fn served(config: &Config) -> Finding {
    let base = remote::here(config.server.admin_listen);
    let asked = async {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok::<_, reqwest::Error>(http.get(format!("{base}/readyz")).send().await?.status())
    };
    match asked.await {
        Ok(status) if status.is_success() => {
            Finding::ok("store", "in use by the running server, which is ready")
        }
        Ok(status) => Finding::fail(
            "store",
            format!("in use by a server that says at {base}/readyz that it is not ready ({status})"),
            "look at its log",
        ),
        Err(error) => Finding::warn(
            "store",
            format!("in use by another process, and nobody answers at {base}: {error}"),
            "is `admin_listen` under `[server]` that of the running server?",
        ),
    }
}

/// Everything that a reload would do.
pub(super) async fn policy(config: &Config) -> Finding {
    let loaded = async {
        let engine = machinery::engine(config)?;
        Ok::<_, anyhow::Error>(
            Generation::load(&config.policy_file, &engine, SystemClock::new().now()).await?,
        )
    };
    match loaded.await {
        Ok(loaded) => {
            let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
            let gates = counted(count(loaded.policy.gates().len()), "gate", "gates");
            let plugins = counted(count(loaded.plugins.len()), "plugin", "plugins");
            Finding::ok("policy", format!("{gates}, {plugins}; all load and pass their cases"))
        }
        Err(error) => Finding::fail("policy", chain(error), "countersign policy check"),
    }
}
