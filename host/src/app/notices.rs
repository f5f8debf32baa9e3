//! Which entries are told to the operator's webhook: those that somebody should look at, by ids and an address.

use countersign_core::entry::Entry;
use countersign_core::names::PluginName;
use countersign_core::request::RequestId;

use super::{App, AppError};
use crate::notify::{Message, Notify};
use crate::store::Batch;

/// The page to look at.
enum Page {
    Request(RequestId),
    Exceptions,
    Inbox,
    Plugin(PluginName),
    People,
}

impl App {
    /// Keeps a message for each entry that is told, in the batch of the entries.
    pub(super) fn with_notices(&self, entries: &[Entry], batch: Batch) -> Result<Batch, AppError> {
        if self.notify.is_none() {
            return Ok(batch);
        }
        let told = entries.iter().filter_map(|entry| Some((entry, page(entry)?)));
        told.into_iter().try_fold(batch, |batch, (entry, page)| {
            let (request, url) = match page {
                Page::Request(id) => (Some(id.0), self.request_url(id)),
                Page::Exceptions => (None, format!("{}/_countersign/exceptions", self.public_url)),
                Page::Inbox => (None, format!("{}/_countersign/", self.public_url)),
                Page::Plugin(name) => (None, format!("{}/_countersign/plugins/{name}", self.public_url)),
                Page::People => (None, format!("{}/_countersign/people", self.public_url)),
            };
            let (id, at, event) = (self.clock.new_id()?, self.clock.now(), entry.kind().to_owned());
            Ok(Notify::keep(batch, Message { id, event, at, request, url })?)
        })
    }
}

fn page(entry: &Entry) -> Option<Page> {
    Some(match entry {
        Entry::RequestOpened { request, .. }
        | Entry::Stale { request, .. }
        | Entry::Lapsed { request }
        | Entry::Expired { request }
        | Entry::Expiring { request, .. }
        | Entry::FallingBack { request, .. }
        | Entry::NotFallenBack { request, .. }
        | Entry::Sampled { request, .. } => Page::Request(*request),
        Entry::Suspended(said) | Entry::Resumed(said) | Entry::Revoked(said) => Page::Request(said.request),
        Entry::BrokeGlass { used } => Page::Request(used.request),
        Entry::TierDrift { live, drift } => match drift.renewal.or(live.request) {
            Some(request) => Page::Request(request),
            None => Page::Inbox,
        },
        Entry::TierRestored { live, .. } => live.request.map_or(Page::Inbox, Page::Request),
        Entry::WaiverAsked { .. } => Page::Exceptions,
        Entry::Bypassed(_) => Page::Inbox,
        Entry::PluginUnstable(found) => Page::Plugin(found.plugin.clone()),
        Entry::ProfileErased(_) => Page::People,
        _ => return None,
    })
}
