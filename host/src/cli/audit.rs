//! `countersign audit`: the audit document of a model, as HTML and as canonical JSON.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use countersign_core::audit::{Audit, LedgerSeen, Pack, Range};
use countersign_core::canonical;
use countersign_core::digest::Digest;
use countersign_core::names::{ModelName, Workspace};
use serde_json::json;

use super::args::Audit as Given;
use super::context::Context;
use super::failure::{OrHint as _, hinted};
use super::held;
use super::ledger::Aside;
use super::machinery::runtime;
use super::operator::Operator;
use super::output::counted;
use super::place::{self, Found};
use crate::app::{audit_of, audit_without_evidence, made, packs, packs_named};
use crate::clock::{Clock as _, SystemClock};
use crate::http::pages::audit::render;

/// Where the server answers.
const AUDIT: &str = "/operator/audit";

pub(super) fn run(context: &Context, given: &Given) -> Result<()> {
    let range = Range { from: given.from, to: given.to };
    if let (Some(from), Some(to)) = (range.from, range.to) {
        ensure!(
            from < to,
            hinted("`--from` is not before `--to`", "nothing lies between them: swap the two")
        );
    }
    let (packs, places) = (chosen(&given.packs)?, places(given)?);
    let audit = find(context, given, range)?.against(&packs);
    for place in &places {
        write(place, &audit)?;
    }
    tell(context, &audit, &places)
}

/// Packs by name, or from files. What has a dot or a slash in it is a file.
fn chosen(given: &[String]) -> Result<Vec<Pack>> {
    if given.is_empty() {
        return Ok(packs()?);
    }
    let one = |name: &String| {
        if name.contains(['.', '/']) {
            read(Path::new(name))
        } else {
            Ok(packs_named(std::slice::from_ref(name))?)
        }
    };
    Ok(given.iter().map(one).collect::<Result<Vec<_>>>()?.concat())
}

fn read(file: &Path) -> Result<Vec<Pack>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let pack = Pack::parse(&text).with_context(|| format!("`{}` is not a pack", file.display()));
    Ok(vec![pack.or_hint("host/packs has those that come with Countersign: begin with a copy of one")?])
}

/// The files that are written: one that is named, or both forms in a directory.
fn places(given: &Given) -> Result<Vec<PathBuf>> {
    let kind = given.out.extension().and_then(|end| end.to_str()).unwrap_or_default();
    if matches!(kind, "html" | "json") {
        return Ok(vec![given.out.clone()]);
    }
    std::fs::create_dir_all(&given.out)
        .with_context(|| format!("cannot make the directory `{}`", given.out.display()))?;
    let safe = |letter: char| if letter.is_alphanumeric() || "-_.".contains(letter) { letter } else { '_' };
    let name: String = given.model.chars().map(safe).collect();
    Ok(["html", "json"].map(|kind| given.out.join(format!("{name}.audit.{kind}"))).to_vec())
}

fn find(context: &Context, given: &Given, range: Range) -> Result<Audit> {
    let (model, workspace) = (ModelName::new(&*given.model), Workspace::new(&*given.ledgers.workspace));
    let now = SystemClock::new().now();
    if let Some(file) = &given.ledgers.export {
        let (account, found) = held::of_export(file, &given.ledgers, &model)?;
        let root = Digest::from_bytes(found.root);
        let (origin, vkey, entries, checkpoint) = (found.origin, found.vkey, found.entries, found.checkpoint);
        let seen = LedgerSeen { origin, vkey, entries, root, checkpoint };
        return Ok(audit_without_evidence(&account, seen, made(now, range)));
    }
    let config = context.config()?;
    match place::find_store(&config)? {
        Found::AtRest(store) => runtime()?.block_on(async {
            let ledger = place::ledger(&config, std::sync::Arc::clone(&store)).await?;
            let note = ledger.checkpoint().await?;
            let audit = audit_of(&ledger, &*store, (&workspace, &model), (note, made(now, range)))?;
            let names = held::names(&config, &*store, audit.people());
            Ok(Audit { names, ..audit })
        }),
        Found::Served => {
            let (from, to) = (given.from.map(|at| at.exact()), given.to.map(|at| at.exact()));
            let mut query = vec![("model", model.as_str()), ("workspace", workspace.as_str())];
            query.extend(from.as_deref().map(|from| ("from", from)));
            query.extend(to.as_deref().map(|to| ("to", to)));
            runtime()?.block_on(Operator::new(&config)?.get(AUDIT, &query))
        }
    }
}

fn write(place: &Path, audit: &Audit) -> Result<()> {
    let mut aside = Aside::open(Some(place.to_owned()))?;
    if place.extension().is_some_and(|end| end == "json") {
        aside.out.write_all(canonical::to_string(audit)?.as_bytes())?;
    } else {
        aside.out.write_all(render(audit).as_bytes())?;
    }
    aside.keep()
}

fn tell(context: &Context, audit: &Audit, places: &[PathBuf]) -> Result<()> {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let verified = &audit.verified;
    let mut text = format!(
        "{}: {}, {}, {} that this cannot show\n",
        audit.model,
        counted(count(verified.versions.len()), "version", "versions"),
        counted(count(verified.decisions.len()), "decision", "decisions"),
        counted(count(audit.gaps.len()), "thing", "things"),
    );
    for place in places {
        text += &format!("{}\n", place.display());
    }
    let shown: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    let (versions, decisions) = (verified.versions.len(), verified.decisions.len());
    let packs: Vec<&str> = audit.packs.iter().map(|pack| pack.id.as_str()).collect();
    let told = json!({
        "model": audit.model, "versions": versions, "decisions": decisions, "gaps": audit.gaps, "packs": packs,
        "files": shown,
    });
    context.out.tell(&text, &told)
}
