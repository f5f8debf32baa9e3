//! What may be taken out: the mark before the sweep. Reads, and writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::digest::Digest;
use countersign_core::entry::{Entry, Hold};
use countersign_core::names::{ModelName, Workspace};
use countersign_core::request::{PromotionRequest, State};
use countersign_core::retention::{Census, Reached, Rule, VersionKey, digests_in};

use crate::app::records::Holding;
use crate::app::{App, AppError};
use crate::ledger::Record;
use crate::store::{Key, Scan, Store, codec, keys};

/// Rows that are read at a time.
const AT_ONCE: usize = 512;
/// Blobs that one step takes out, or all of one version.
const PER_STEP: usize = 2_048;

/// What goes in one commit.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) rule: Rule,
    pub(super) versions: u64,
    /// With the bytes of each.
    pub(super) blobs: BTreeMap<Digest, u64>,
}

/// Versions whose time is over, and what names their evidence.
type Past = BTreeMap<VersionKey, (Rule, BTreeSet<Digest>)>;

impl App {
    pub(super) fn plan(&self) -> Result<Vec<Step>, AppError> {
        let generation = self.generation.load_full();
        let tiers = generation.policy.tiers();
        if tiers.iter().all(|tier| tier.keep_evidence.is_none()) {
            return Ok(Vec::new());
        }
        let census = self.census()?;
        let stays = self.that_stay(&census)?;
        let over = census.over(tiers, self.clock.now(), |version| stays.contains(version));
        if over.is_empty() {
            return Ok(Vec::new());
        }
        let mut past: Past =
            over.into_iter().map(|(version, rule)| (version, (rule, BTreeSet::new()))).collect();
        let in_force = generation.plugins.values().map(|plugin| plugin.digest());
        let mut kept = Reached::default();
        let pinned = self.known_evidence.pinned(self.clock.now());
        kept.go_on(in_force.chain(pinned), |digest| leads_to(&*self.store, digest))?;
        self.each_entry(|record, entry| {
            self.named_by(&census.versions_of(&entry), record.json.as_bytes(), &mut past, &mut kept)
        })?;
        self.each_request(|request, value| {
            self.named_by(&versions_of(request), value, &mut past, &mut kept)
        })?;
        self.steps(past, &kept)
    }

    fn census(&self) -> Result<Census, AppError> {
        let mut census = Census::default();
        self.each_entry(|record, entry| {
            census.take_in(record.parse()?.at, &entry);
            Ok(())
        })?;
        self.each_request(|request, _| {
            versions_of(request).iter().for_each(|version| census.judged(version, &request.gates));
            Ok(())
        })?;
        Ok(census)
    }

    /// Versions that are live, on their way, or under hold.
    fn that_stay(&self, census: &Census) -> Result<BTreeSet<VersionKey>, AppError> {
        let mut stay = BTreeSet::new();
        let now = self.clock.now();
        self.each_request(|request, _| {
            let in_force = request.state.was_made() && request.valid_until.is_some_and(|until| until > now);
            let suspended = matches!(request.state, State::Suspended { .. });
            if request.state.is_live() || in_force || suspended {
                stay.extend(versions_of(request));
            }
            Ok(())
        })?;
        for workspace in census.workspaces() {
            stay.extend(self.held_in(workspace)?);
        }
        for Hold { workspace, model, request, .. } in self.holds()? {
            let of_request = request.map(|request| census.of_request(&request).cloned());
            stay.extend(match of_request {
                Some(version) => version.into_iter().collect(),
                None => census.of_model(&workspace, &model),
            });
        }
        Ok(stay)
    }

    /// What governed names of a workspace hold.
    fn held_in(&self, workspace: &Workspace) -> Result<Vec<VersionKey>, AppError> {
        let prefix = keys::holdings_of(workspace.as_str());
        let rows = self.store.scan(&Scan::prefix(prefix.clone()))?;
        let held = rows.iter().map(|(key, value)| {
            let holding: Holding = codec::decode(key, value)?;
            let model = key.text_after(&prefix).map(ModelName::new);
            let at = model.zip(holding.version);
            Ok(at.map(|(model, version)| VersionKey::new(workspace, &model, version)))
        });
        held.filter_map(Result::transpose).collect()
    }

    /// What a text about some versions names: it goes with them when the time of all is over, and stays otherwise.
    fn named_by(
        &self,
        versions: &[VersionKey],
        text: &[u8],
        past: &mut Past,
        kept: &mut Reached,
    ) -> Result<(), AppError> {
        let named = digests_in(text);
        if versions.is_empty() || !versions.iter().all(|version| past.contains_key(version)) {
            kept.go_on(named, |digest| leads_to(&*self.store, digest))?;
            return Ok(());
        }
        for version in versions {
            if let Some((_, roots)) = past.get_mut(version) {
                roots.extend(named.iter().copied());
            }
        }
        Ok(())
    }

    fn steps(&self, past: Past, kept: &Reached) -> Result<Vec<Step>, AppError> {
        let (mut reached, mut open) = (Reached::default(), BTreeMap::<Rule, Step>::new());
        let mut steps = Vec::new();
        for (rule, roots) in past.into_values() {
            let found = reached.go_on(roots, |digest| leads_to(&*self.store, digest))?;
            let mut blobs = BTreeMap::new();
            for digest in found.into_iter().filter(|digest| !kept.has(digest)) {
                let value = self.store.get(&keys::evidence(&digest))?.unwrap_or_default();
                blobs.insert(digest, u64::try_from(value.len()).unwrap_or(u64::MAX));
            }
            if blobs.is_empty() {
                continue;
            }
            let fresh = || Step { rule: rule.clone(), versions: 0, blobs: BTreeMap::new() };
            let step = open.entry(rule.clone()).or_insert_with(fresh);
            step.versions += 1;
            step.blobs.extend(blobs);
            if step.blobs.len() >= PER_STEP {
                steps.extend(open.remove(&rule));
            }
        }
        steps.extend(open.into_values());
        Ok(steps)
    }

    /// Every entry, oldest first. One that this version cannot read may name anything, so that nothing goes.
    fn each_entry(
        &self,
        mut each: impl FnMut(&Record, Entry) -> Result<(), AppError>,
    ) -> Result<(), AppError> {
        let mut from = 0;
        loop {
            let page = self.ledger.range(from, AT_ONCE)?;
            let Some(last) = page.last() else { return Ok(()) };
            from = last.index.saturating_add(1);
            for record in &page {
                let unknown = |_| {
                    let index = record.index;
                    AppError::Conflict(format!(
                        "nothing is collected: this version cannot read entry {index}, so that it cannot tell what \
                         that needs; use the version that wrote it"
                    ))
                };
                each(record, App::entry_of(record).map_err(unknown)?)?;
            }
        }
    }

    fn each_request(
        &self,
        mut each: impl FnMut(&PromotionRequest, &[u8]) -> Result<(), AppError>,
    ) -> Result<(), AppError> {
        let mut scan = Scan::prefix(keys::requests()).limit(AT_ONCE);
        loop {
            let page: Vec<(Key, Vec<u8>)> = self.store.scan(&scan)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            scan = scan.after(last.clone());
            for (key, value) in &page {
                each(&codec::decode(key, value)?, value)?;
            }
        }
    }
}

fn versions_of(request: &PromotionRequest) -> Vec<VersionKey> {
    std::iter::once(&request.subject).chain(&request.also).map(VersionKey::from).collect()
}

/// What a blob names: a head its tail, JSON whatever digests stand in it. `None` where there is no such blob.
fn leads_to(store: &dyn Store, digest: &Digest) -> Result<Option<Vec<Digest>>, AppError> {
    let key = keys::evidence(digest);
    let Some(value) = store.get(&key)? else { return Ok(None) };
    Ok(Some(match codec::decode_head(&value) {
        Some((head, tail)) => digests_in(head).into_iter().chain([Digest::from_bytes(tail)]).collect(),
        // Plugins and the contents of files name nothing; a tail is the end of JSON.
        None => match codec::decode_raw(&key, &value)? {
            component if component.starts_with(b"\0asm") => Vec::new(),
            text => digests_in(text),
        },
    }))
}
