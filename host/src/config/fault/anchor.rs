//! `[anchor]`, and addresses that may be secrets.

use http::Uri;

use super::reader::Reader;
use crate::config::{Anchor, AnchorGit, NotifyTo, Secret};

impl Reader<'_> {
    pub(super) fn anchor(&self) -> Option<Anchor> {
        let file = &self.layers.file.anchor;
        let address = self.secret("anchor.webhook", file.webhook.as_ref(), file.webhook_file.as_ref());
        let secret = self.secret("anchor.secret", file.secret.as_ref(), file.secret_file.as_ref());
        let interval = self.span("anchor.interval", &file.interval);
        let git_branch = match file.git_branch.trim() {
            "" => self.fault("anchor.git_branch", "is empty: write a branch, as in `countersign`"),
            branch => Some(branch.to_owned()),
        };
        let push = match (file.git_push.as_deref().map(str::trim), &file.git) {
            (Some(""), _) => self.fault("anchor.git_push", "is empty: write a remote, as in `origin`"),
            (Some(_), None) => self.fault("anchor.git_push", "has nothing to push: set `git` as well"),
            (push, _) => Some(push.map(str::to_owned)),
        };
        let repository = file.git.as_deref().map(|path| self.path(path));
        let git = |branch, push| repository.map(|repository| AnchorGit { repository, branch, push });
        Some(Anchor {
            file: file.file.as_deref().map(|path| self.path(path)),
            webhook: self.hook("anchor.webhook", address?, secret?)?,
            interval: interval?,
            git: git(git_branch?, push?),
        })
    }

    /// `None` when there is a fault, `Some(None)` when there is no address.
    pub(super) fn hook(
        &self,
        key: &str,
        webhook: Option<Secret>,
        secret: Option<Secret>,
    ) -> Option<Option<NotifyTo>> {
        let Some(webhook) = webhook else { return Some(None) };
        let address: Option<Uri> = webhook.expose().parse().ok();
        let whole = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        if address.filter(whole).is_none() {
            // Not repeated in the message: it may be a secret.
            return self.fault(key, "it is no URL: write it whole, as in `https://example.com/hook`");
        }
        Some(Some(NotifyTo { webhook, secret }))
    }
}
