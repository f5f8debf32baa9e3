//! Whether the places of `[anchor]` can take checkpoints, and whether the running server says that one does not. An
//! address is not tried: whoever answers there would keep what is sent.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::Finding;
use crate::cli::remote;
use crate::config::{AnchorGit, Config};

const CHECK: &str = "anchor";

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let places = &config.anchor;
    let file = places.file.as_deref().map(file);
    let git = places.git.as_ref().map(git);
    let address = places
        .webhook
        .as_ref()
        .map(|_| Finding::ok(CHECK, "an address takes checkpoints; it is not tried here"));
    let found: Vec<Finding> = [file, git, address].into_iter().flatten().collect();
    if found.is_empty() {
        return found;
    }
    found.into_iter().chain(served(config).await).collect()
}

fn file(path: &Path) -> Finding {
    let there = path.exists();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let good = if there { OpenOptions::new().append(true).open(path).is_ok() } else { folder.is_dir() };
    let path = path.display();
    if good {
        Finding::ok(CHECK, format!("checkpoints are appended to `{path}`"))
    } else {
        let todo =
            "let this user append to it, or set `file` under `[anchor]` to one that can be appended to";
        Finding::warn(CHECK, format!("`{path}` cannot be appended to"), todo)
    }
}

fn git(AnchorGit { repository, branch, push }: &AnchorGit) -> Finding {
    let asked = Command::new("git").arg("-C").arg(repository).args(["rev-parse", "--git-dir"]).output();
    let place = repository.display();
    let onward = push.as_ref().map(|remote| format!(", and pushed to `{remote}`")).unwrap_or_default();
    match asked {
        Ok(output) if output.status.success() => {
            let says = format!("checkpoints are committed to branch `{branch}` of `{place}`{onward}");
            Finding::ok(CHECK, says)
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let todo = format!("git init --bare {place}, or set `git` under `[anchor]` to a repository");
            Finding::warn(CHECK, format!("`{place}` is no git repository: {said}"), todo)
        }
        Err(error) => Finding::warn(CHECK, format!("`git` cannot be run: {error}"), "install git"),
    }
}

/// What the running server has met with. Where none runs there is nothing to say.
async fn served(config: &Config) -> Vec<Finding> {
    let ready = async {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/readyz", remote::here(config.server.admin_listen));
        http.get(url).send().await?.json::<Value>().await
    };
    let Ok(ready) = ready.await else { return Vec::new() };
    let states = ready.get("anchors").and_then(Value::as_array).cloned().unwrap_or_default();
    let trouble = |state: &Value| {
        let (place, trouble) = (state.get("place")?.as_str()?, state.get("trouble")?.as_str()?);
        let says = format!("the running server: {place}: {trouble}");
        Some(Finding::warn(CHECK, says, "see the message; it is tried again by itself"))
    };
    states.iter().filter_map(trouble).collect()
}
