//! What git says of a file: the commit that last changed it, and who wrote that commit. A claim, never a proof; where
//! there is no git, no work tree or no answer, nothing is said.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// Git on a slow disk must not keep a policy from taking effect.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Provenance {
    pub(super) commit: String,
    /// `NAME <ADDRESS>`
    pub(super) author: String,
    /// The file is not as it was committed.
    pub(super) modified: bool,
}

/// The last commit that changed a file.
pub(super) async fn of(file: &Path) -> Option<Provenance> {
    let file = tokio::fs::canonicalize(file).await.ok()?;
    let (folder, name) = (file.parent()?, file.file_name()?.to_str()?);
    let said =
        git(folder, &["log", "-1", "--no-show-signature", "--format=%H%n%an <%ae>", "--", name]).await?;
    let (commit, author) = said.trim_end().split_once('\n')?;
    let changed = git(folder, &["status", "--porcelain", "--", name]).await?;
    let (commit, author) = (commit.to_owned(), author.to_owned());
    Some(Provenance { commit, author, modified: !changed.trim().is_empty() })
}

/// What git prints, if it is content. It takes no locks, asks nobody and runs nothing that the work tree names.
async fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["-c", "core.fsmonitor=false", "--no-pager", "--literal-pathspecs"]);
    command.args(arguments).env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0");
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(folder: &Path, arguments: &[&str]) {
        let who = ["-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "commit.gpgsign=false"];
        let done =
            Command::new("git").arg("-C").arg(folder).args(who).args(arguments).output().await.unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    #[tokio::test]
    async fn git_says_who_committed_a_file_and_whether_it_was_changed_since() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, file) = (folder.path(), folder.path().join("policy.toml"));
        std::fs::write(&file, "").unwrap();
        assert_eq!(of(&file).await, None, "it lies in no work tree");
        run(dir, &["init", "-q"]).await;
        assert_eq!(of(&file).await, None, "nobody has committed it");
        run(dir, &["add", "policy.toml"]).await;
        run(dir, &["commit", "-q", "-m", "A policy"]).await;
        let committed = of(&file).await.unwrap();
        assert_eq!((committed.author.as_str(), committed.modified), ("Ana <ana@example.org>", false));
        assert_eq!(committed.commit.len(), 40);
        std::fs::write(&file, "# changed\n").unwrap();
        assert_eq!(of(&file).await, Some(Provenance { modified: true, ..committed }));
    }
}
