//! A branch of a git repository whose file `checkpoint` is the newest, a commit for each. Neither the index nor the
//! files that are checked out are touched, so that a bare repository serves as well, and other files of the branch stay.
//!
//! Whoever has a remote has the branch pushed there, after the commit: a remote that does not take it loses nothing.
//!
//! By the `git` that is installed: its formats are its own.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{NotTaken, Note};

/// What the newest checkpoint is called in the branch.
const FILE: &str = "checkpoint";
const TIMEOUT: Duration = Duration::from_secs(30);
/// What points git elsewhere than the configuration does.
const ELSEWHERE: [&str; 5] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"];

#[derive(Debug)]
pub struct AnchorGit {
    repository: PathBuf,
    branch: String,
    /// A remote of the repository, or an address.
    push: Option<String>,
}

impl AnchorGit {
    #[must_use]
    pub const fn new(repository: PathBuf, branch: String) -> Self {
        Self { repository, branch, push: None }
    }

    /// With somewhere that the branch is pushed to.
    #[must_use]
    pub fn pushed_to(self, push: Option<String>) -> Self {
        Self { push, ..self }
    }

    /// Pushes the branch, where it is to go anywhere. Never by force: a remote that has other commits keeps them.
    pub(super) async fn push(&self) -> Result<(), NotTaken> {
        let Some(remote) = &self.push else { return Ok(()) };
        let name = format!("refs/heads/{0}:refs/heads/{0}", self.branch);
        let quiet = ["-c", "advice.pushUpdateRejected=false", "push", "--quiet", "--", remote, &name];
        let pushed = self.ask(&quiet, "", None).await.map(drop);
        pushed.map_err(|reason| {
            let (repository, branch) = (self.repository.display(), &self.branch);
            NotTaken(format!(
                "`git push` of branch `{branch}` in `{repository}` to `{remote}`: {reason}; the commits are kept and \
                 go with the next push; look at `git_push` under `[anchor]`"
            ))
        })
    }

    /// Gives the commit.
    pub(super) async fn put(&self, note: &Note) -> Result<String, NotTaken> {
        let name = format!("refs/heads/{}", self.branch);
        let commit = format!("{name}^{{commit}}");
        // Fails where the branch is still to come; where there is no repository, the next call says so.
        let parent = self.git(&["rev-parse", "--verify", "--quiet", &commit], "", None).await.ok();
        let blob = self.git(&["hash-object", "-w", "--stdin"], &note.text, None).await?;
        let tree = self.tree(parent.as_deref(), &blob).await?;
        let message = format!("Checkpoint of {}, {} entries", note.origin, note.size);
        let mut arguments = vec!["commit-tree", &tree, "-m", &message];
        arguments.extend(parent.iter().flat_map(|parent| ["-p", parent.as_str()]));
        let commit = self.git(&arguments, "", Some(note)).await?;
        // Compares and swaps: whoever committed meanwhile is not passed over.
        let before = parent.unwrap_or_else(|| "0".repeat(commit.len()));
        self.git(&["update-ref", "-m", &message, &name, &commit, &before], "", Some(note)).await?;
        Ok(commit)
    }

    /// The tree of the branch with the new file in it.
    async fn tree(&self, parent: Option<&str>, blob: &str) -> Result<String, NotTaken> {
        let listed = match parent {
            Some(parent) => self.git(&["ls-tree", "-z", parent], "", None).await?,
            None => String::new(),
        };
        let own = format!("\t{FILE}");
        let others = listed.split('\0').filter(|line| !line.is_empty() && !line.ends_with(&own));
        let lines: String = others.map(|line| format!("{line}\0")).collect();
        self.git(&["mktree", "-z"], &format!("{lines}100644 blob {blob}{own}\0"), None).await
    }

    /// Runs one command in the repository; gives what it printed, without the newline at its end.
    async fn git(&self, arguments: &[&str], input: &str, by: Option<&Note>) -> Result<String, NotTaken> {
        self.ask(arguments, input, by).await.map_err(|reason| {
            let repository = self.repository.display();
            NotTaken(format!("`git` in `{repository}`: {reason}; look at `git` under `[anchor]`"))
        })
    }

    /// The same with the bare reason where it fails.
    async fn ask(&self, arguments: &[&str], input: &str, by: Option<&Note>) -> Result<String, String> {
        let run = run(self.command(arguments, by), input);
        let ended = tokio::time::timeout(TIMEOUT, run).await.map_err(|_| "it does not end".to_owned())?;
        let output = ended.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "it is not installed".to_owned(),
            _ => error.to_string(),
        })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
            return Err(if said.is_empty() { output.status.to_string() } else { said });
        }
        let said = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
        Ok(said.trim_end_matches('\n').to_owned())
    }

    fn command(&self, arguments: &[&str], by: Option<&Note>) -> Command {
        let mut git = Command::new("git");
        ELSEWHERE.iter().for_each(|variable| _ = git.env_remove(variable));
        git.env("GIT_TERMINAL_PROMPT", "0").arg("-C").arg(&self.repository).args(arguments);
        for who in by.map(|_| ["AUTHOR", "COMMITTER"]).into_iter().flatten() {
            git.env(format!("GIT_{who}_NAME"), "Countersign");
            git.env(format!("GIT_{who}_EMAIL"), "countersign@localhost");
            git.env(
                format!("GIT_{who}_DATE"),
                by.map_or(0, |note| note.at.get() / 1_000).to_string() + " +0000",
            );
        }
        git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        git
    }
}

async fn run(mut command: Command, input: &str) -> std::io::Result<std::process::Output> {
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read ends with an error of its own.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    child.wait_with_output().await
}
