//! Models and versions at a glance: what holds their governed names and what a chip beside each version says. Read from
//! what we keep alone, so that a page with many rows costs MLflow nothing.

use countersign_core::badge::{self, Badge, Known};
use countersign_core::names::{ModelName, PersonId, Version, Workspace};
use countersign_core::policy::{Guard, Mode};
use countersign_core::request::{PromotionRequest, RequestId};

use super::records::{Creator, creator_key};
use super::{App, AppError, HeldName, RequestFilter};

/// A badge and the request that it speaks of.
pub type Spoken = (Badge, Option<RequestId>);

/// One registered model.
#[derive(Debug, Clone)]
pub struct ModelGlance {
    pub model: ModelName,
    /// Whether any gate covers it.
    pub governed: bool,
    /// What is guarded of it; once each.
    pub guards: Vec<Guard>,
    pub aliases: Vec<AliasGlance>,
}

/// A governed alias.
#[derive(Debug, Clone)]
pub struct AliasGlance {
    pub alias: String,
    pub version: Option<Version>,
    /// Of the version that holds it, as far as this alias goes.
    pub holder: Spoken,
    /// The newest live request to move it, and to which version.
    pub pending: Option<(Version, Spoken)>,
}

#[derive(Debug, Clone)]
pub struct VersionGlance {
    pub version: Version,
    pub spoken: Spoken,
    pub holds: Vec<HeldName>,
    /// Who registered it, as far as we saw.
    pub created_by: Option<PersonId>,
}

/// Everything that is read once for all rows.
struct Read {
    held: Vec<HeldName>,
    requests: Vec<PromotionRequest>,
    glance: ModelGlance,
}

/// The newest requests of a model that count.
const REQUESTS: usize = 200;
/// The same where many models are looked at.
const REQUESTS_OF_MANY: usize = 20;

impl App {
    /// # Errors
    /// When the store cannot be read.
    pub fn model_glance(&self, workspace: &Workspace, model: &ModelName) -> Result<ModelGlance, AppError> {
        Ok(self.read_model(workspace, model, REQUESTS_OF_MANY)?.glance)
    }

    /// A model with some of its versions; without a choice, with those that something is known of, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn versions_glance(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        chosen: Option<Vec<Version>>,
    ) -> Result<(ModelGlance, Vec<VersionGlance>), AppError> {
        let read = self.read_model(workspace, model, REQUESTS)?;
        let versions = chosen.unwrap_or_else(|| {
            let held = read.held.iter().filter_map(|held| held.version);
            let asked = read.requests.iter().map(|request| request.subject.version);
            let mut known: Vec<Version> = held.chain(asked).filter(|version| version.get() > 0).collect();
            known.sort_by(|a, b| b.cmp(a));
            known.dedup();
            known
        });
        let rows = versions.into_iter().map(|version| self.version_glance(workspace, &read, version));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        Ok((read.glance, rows))
    }

    fn read_model(&self, workspace: &Workspace, model: &ModelName, limit: usize) -> Result<Read, AppError> {
        let filter = RequestFilter { model: Some(model.clone()), limit, ..RequestFilter::default() };
        let (held, requests) = (self.held_names(workspace, model)?, self.requests(&filter)?);
        let policy = &self.generation.load().policy;
        let gates = policy.gates().iter().filter(|gate| gate.mode != Mode::Off && gate.covers(model));
        let mut guards: Vec<Guard> = Vec::new();
        for guard in gates.clone().flat_map(|gate| &gate.guards) {
            let of_this = match guard {
                Guard::RegisterInto(pattern) => pattern.matches(model.as_str()),
                Guard::Alias(_) | Guard::Stage(_) => true,
            };
            if of_this && !guards.contains(guard) {
                guards.push(guard.clone());
            }
        }
        let aliases = aliases(&guards, &held, &requests);
        let aliases = aliases.into_iter().map(|alias| self.alias_glance(alias, &held, &requests)).collect();
        let glance = ModelGlance { model: model.clone(), governed: gates.count() > 0, guards, aliases };
        Ok(Read { held, requests, glance })
    }

    fn alias_glance(&self, alias: String, held: &[HeldName], requests: &[PromotionRequest]) -> AliasGlance {
        let now = self.clock.now();
        let about: Vec<&PromotionRequest> = requests
            .iter()
            .filter(|request| request.placed.action.target() == Some(alias.as_str()))
            .collect();
        let holding = held.iter().find(|held| held.name.strip_prefix("alias:") == Some(alias.as_str()));
        let version = holding.and_then(|held| held.version);
        let of_holder: Vec<&PromotionRequest> = about
            .iter()
            .copied()
            .filter(|request| Some(request.subject.version) == version && request.standing(now).is_some())
            .collect();
        let holder = badge::of(&Known {
            governed: true,
            bypassed: holding.is_some_and(|held| held.bypassed && version.is_some()),
            holds: version.is_some(),
            running: false,
            requests: &of_holder,
            check_runs: &[],
            now,
        });
        let live = about.into_iter().find(|request| request.state.is_live());
        let pending = live.and_then(|request| {
            let badge = badge::of_request(request, now)?;
            Some((request.subject.version, (badge, Some(request.id))))
        });
        AliasGlance { alias, version, holder, pending }
    }

    fn version_glance(
        &self,
        workspace: &Workspace,
        read: &Read,
        version: Version,
    ) -> Result<VersionGlance, AppError> {
        let model = &read.glance.model;
        let requests: Vec<&PromotionRequest> =
            read.requests.iter().filter(|request| request.subject.version == version).collect();
        let holds: Vec<HeldName> =
            read.held.iter().filter(|held| held.version == Some(version)).cloned().collect();
        let spoken = badge::of(&Known {
            governed: read.glance.governed,
            bypassed: holds.iter().any(|held| held.bypassed),
            holds: !holds.is_empty(),
            running: self.prechecking.is_taken(workspace, model, version),
            requests: &requests,
            check_runs: &self.check_runs_of(workspace, model, version)?,
            now: self.clock.now(),
        });
        let creator: Option<Creator> = self.read(&creator_key(workspace, model, version))?;
        // The number alone may have come back with another version behind it.
        let other = |creator: &Creator| {
            requests.first().is_some_and(|request| request.subject.created != creator.created)
        };
        let created_by = creator.filter(|creator| !other(creator)).and_then(|creator| creator.person);
        Ok(VersionGlance { version, spoken, holds, created_by })
    }
}

/// Governed aliases by name: those that a guard names in full, those that are held, and those that somebody asks for.
fn aliases(guards: &[Guard], held: &[HeldName], requests: &[PromotionRequest]) -> Vec<String> {
    let patterns = || {
        guards.iter().filter_map(|guard| if let Guard::Alias(pattern) = guard { Some(pattern) } else { None })
    };
    let named = patterns().map(|pattern| pattern.as_str()).filter(|pattern| !pattern.contains('*'));
    let held =
        held.iter().filter(|held| held.version.is_some()).filter_map(|held| held.name.strip_prefix("alias:"));
    let live = requests.iter().filter(|request| request.state.is_live());
    let asked = live.filter_map(|request| request.placed.action.target());
    let asked = asked.filter(|target| patterns().any(|pattern| pattern.matches(target)));
    let mut found: Vec<String> = named.chain(held).chain(asked).map(str::to_owned).collect();
    found.sort();
    found.dedup();
    found
}
