//! The evidence file of a request: whole as it is written, refused as soon as anything in it is not, and the file of
//! the first form for ever.

use std::io::BufRead as _;

use countersign_core::evidence_file::line::Blob;
use countersign_core::evidence_file::write::Seal;
use proptest::prelude::*;

use super::*;
use crate::app::RequestFilter;
use crate::app::evidence_file::{EvidenceError, EvidenceFile, Execution, Redecision, Report, read, verify};
use crate::ledger::VerifierKey;
use crate::plugins::{Engine, EngineConfig};

/// Of form 1, with a check run and a rule run; see `writes_the_fixture`.
const FIXTURE: &str = "../tests/fixtures/formats/evidence.v1.jsonl";

impl World {
    pub(super) async fn evidence(&self, id: RequestId) -> String {
        let mut out = Vec::new();
        self.app.write_evidence(id, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The evidence of every request can be read, and finds no fault that the whole ledger does not show.
    pub(super) async fn agree(&self, known: &[String]) {
        let filter = RequestFilter { limit: 1_000, ..RequestFilter::default() };
        for request in self.app.requests(&filter).unwrap() {
            let file = self.evidence(request.id).await;
            let file = reads(file.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", request.id));
            let report = verify(&file, None, &mut |_| ()).await.unwrap();
            let new = report.breaches.iter().find(|breach| !known.contains(&breach.reason));
            assert!(new.is_none(), "{}: {new:?}", request.id);
        }
    }
}

pub(super) fn reads(text: &[u8]) -> Result<EvidenceFile, EvidenceError> {
    let mut input = text;
    read(&mut input, None, &mut |_| ())
}

pub(super) async fn verified(text: &str, engine: Option<&Engine>) -> Report {
    verify(&reads(text.as_bytes()).unwrap(), engine, &mut |_| ()).await.unwrap()
}

fn engine() -> Engine {
    Engine::new(EngineConfig { max_concurrent: 1, threads: 1, ..EngineConfig::default() }, None).unwrap()
}

struct Files {
    /// Of the first request, before there was another.
    early: String,
    /// The same, under the checkpoint of the other's.
    file: String,
    other: String,
}

/// A request that was asked for, spoken of, approved and made, and another one beside it.
async fn files() -> Files {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    let said = crate::app::NewComment { text: "is the holdout from March?".to_owned(), ..Default::default() };
    world.app.comment(&caller("omar"), id, said).await.unwrap();
    world.signed(id, "this time").await;
    world.app.apply(&caller("ana"), id).await.unwrap();
    let early = world.evidence(id).await;
    let other = world.asked_for(8).await.id;
    world.vote("omar", Vote::Reject, "not this one", other).await.unwrap();
    Files { early, file: world.evidence(id).await, other: world.evidence(other).await }
}

#[tokio::test]
async fn what_was_decided_is_told_and_proved() {
    let Files { file, other, .. } = files().await;
    let report = verified(&file, None).await;
    assert!(report.holds && report.complete, "{:?} {:?}", report.breaches, report.missing);
    let story = &report.decision;
    assert!(story.was_made() && story.action.contains("champion"), "{}", story.action);
    let votes: Vec<&str> = story.reviews.iter().map(|said| said.by.as_str()).collect();
    assert_eq!(votes, ["omar", "ruth"]);
    assert_eq!((report.proved.policies, report.missing.len()), (1, 0));
    assert!(file.contains("is the holdout from March?"));
    let report = verified(&other, None).await;
    assert!(report.holds && !report.decision.was_made());
}

#[tokio::test]
async fn another_key_is_not_trusted() {
    let Files { file, .. } = files().await;
    let theirs = crate::ledger::SigningKey::from_seed("ledger.example", [8; 32]).unwrap();
    let check =
        |key: &VerifierKey| read(&mut file.as_bytes(), Some(key), &mut |_| ()).map(|file| file.trusted);
    let error = check(theirs.verifier()).unwrap_err().to_string();
    assert!(error.contains("you trust"), "{error}");
    let ours = crate::ledger::SigningKey::from_seed("ledger.example", [7; 32]).unwrap();
    assert!(check(ours.verifier()).unwrap());
}

#[tokio::test]
async fn no_flipped_bit_goes_unseen_and_each_is_placed() {
    let Files { file, .. } = files().await;
    let lines: Vec<&str> = file.split_inclusive('\n').collect();
    let ends: Vec<usize> = lines
        .iter()
        .scan(0, |end, line| {
            *end += line.len();
            Some(*end)
        })
        .collect();
    for at in (0..file.len()).step_by(5) {
        let mut bytes = file.clone().into_bytes();
        bytes[at] ^= 1 << (at % 8);
        let line = ends.iter().position(|end| at < *end).unwrap() + 1;
        match reads(&bytes) {
            Ok(_) => panic!("byte {at} of line {line} was changed unseen"),
            Err(EvidenceError::Fault(fault)) => {
                // A line end that is gone is seen at the end of the line that it made.
                assert!(fault.line.abs_diff(line as u64) <= 1, "byte {at} of line {line}: {fault}");
            }
            Err(error) => panic!("byte {at} of line {line}: {error}"),
        }
    }
}

/// What a file of changed lines is refused with.
fn refused(lines: &[&str], place: &str, reason: &str) {
    let error = reads(lines.concat().as_bytes()).unwrap_err().to_string();
    assert!(error.contains(place) && error.contains(reason), "`{place}`, `{reason}`: {error}");
}

/// The same with an end that fits, as somebody would write who knows the form.
fn sealed(lines: &[&str]) -> Vec<String> {
    let mut seal = Seal::default();
    let body = &lines[..lines.len() - 1];
    let mut again: Vec<String> =
        body.iter().map(|line| seal.line(&serde_json::from_str::<Value>(line).unwrap()).unwrap()).collect();
    again.push(seal.end().unwrap());
    again
}

fn refused_sealed(lines: &[&str], place: &str, reason: &str) {
    let sealed = sealed(lines);
    refused(&sealed.iter().map(String::as_str).collect::<Vec<_>>(), place, reason);
}

#[tokio::test]
async fn what_is_cut_doubled_moved_or_spliced_is_named() {
    let Files { early, file, other } = files().await;
    let lines: Vec<&str> = file.split_inclusive('\n').collect();
    let theirs: Vec<&str> = other.split_inclusive('\n').collect();
    for cut in 1..lines.len() {
        let place = if cut == 1 { "checkpoint" } else { "end" };
        refused(&lines[..cut], place, "missing");
        let half = lines[cut].split_at(lines[cut].len() / 2).0;
        refused(&[&lines[..cut], &[half]].concat(), "", "cut off or too long");
    }
    for (at, line) in lines.iter().enumerate() {
        let mut doubled = lines.clone();
        doubled.insert(at, line);
        let reason = if at == lines.len() - 1 { "follows the end" } else { "" };
        refused(&doubled, &format!("(line {})", at + 2), reason);
        let mut moved = lines.clone();
        moved.swap(at, (at + 1) % lines.len());
        assert!(reads(moved.concat().as_bytes()).is_err(), "line {at} was moved unseen");
    }
    // An entry of the other file: proved under the same checkpoint, but not under an earlier one.
    let last = |lines: &[&str]| lines.iter().rposition(|line| line.starts_with("{\"index\"")).unwrap();
    let mut spliced = lines.clone();
    spliced[last(&lines)] = theirs[last(&theirs)];
    refused_sealed(&spliced, "entry ", "it has nothing to do with request");
    let mut spliced: Vec<&str> = early.split_inclusive('\n').collect();
    spliced[last(&lines)] = theirs[last(&theirs)];
    refused_sealed(&spliced, "entry ", "does not lead to the checkpoint's root");
    // The same under its own checkpoint: another request's.
    let mut headed = theirs.clone();
    headed[0] = lines[0];
    refused_sealed(&headed, "header", "no entry is about request");
    // Whoever leaves out an entry leaves what it names behind; and the other way round.
    let blob = lines.iter().position(|line| line.starts_with("{\"blob\"")).unwrap();
    let without = [&lines[..blob], &lines[blob + 1..]].concat();
    refused_sealed(&without, "entry ", "is not in the file");
    let extra =
        serde_json::to_string(&Blob::of(countersign_core::digest::Digest::of(b"x"), b"x")).unwrap() + "\n";
    let mut more: Vec<&str> = lines.iter().copied().filter(|line| !line.starts_with("{\"blob\"")).collect();
    more.insert(more.len() - 1, &extra);
    assert!(reads(sealed(&more).concat().as_bytes()).is_err());
    let mut surplus = lines.clone();
    // Where its digest belongs, which may be behind the last of them.
    let less =
        lines[blob..].iter().take_while(|line| line.starts_with("{\"blob\"") && **line < extra.as_str());
    surplus.insert(blob + less.count(), &extra);
    refused_sealed(
        &surplus,
        "blob sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
        "nothing in the file names it",
    );
}

#[tokio::test]
async fn what_is_not_kept_is_said_plainly() {
    let world = World::new(POLICY).await;
    let key = crate::store::keys::policy_text(&world.app.generation.load().policy.digest().0);
    world.app.store.commit(crate::store::Batch::new().delete(key)).await.unwrap();
    let id = world.approved().await.id;
    world.app.apply(&caller("ana"), id).await.unwrap();
    let report = verified(&world.evidence(id).await, None).await;
    let missing: Vec<&str> = report.missing.iter().map(|gap| gap.what).collect();
    assert_eq!((report.holds, report.complete, missing.as_slice()), (true, false, &["the policy"][..]));
}

#[tokio::test]
async fn the_words_of_a_comment_can_be_taken_back() {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    let said = crate::app::NewComment { text: "a slip".to_owned(), ..Default::default() };
    let said = world.app.comment(&caller("omar"), id, said).await.unwrap();
    world.app.take_back(&caller("omar"), said.comment.id, Some(id)).await.unwrap();
    let report = verified(&world.evidence(id).await, None).await;
    let missing: Vec<&str> = report.missing.iter().map(|gap| gap.what).collect();
    assert_eq!((report.complete, missing.as_slice()), (true, &["the words of a comment"][..]));
}

/// The documented form of every line.
#[tokio::test]
async fn each_line_is_as_its_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("../../../schemas/evidence.v1.json")).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let Files { file, other, .. } = files().await;
    let fixture = fixture();
    let lines = [file.as_str(), &other, &fixture].into_iter().flat_map(str::lines);
    let mut kinds = std::collections::BTreeSet::new();
    for line in lines {
        let line: Value = serde_json::from_str(line).unwrap();
        let faults: Vec<String> = schema.iter_errors(&line).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:#?}");
        kinds.insert(line.as_object().unwrap().keys().next().unwrap().clone());
    }
    let expect = ["blob", "checkpoint", "end", "evidence", "index", "policy", "statement"];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), expect);
}

fn fixture() -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE)).unwrap()
}

#[tokio::test]
async fn the_file_of_form_1_verifies_and_executes_for_ever() {
    let engine = engine();
    let report = verified(&fixture(), Some(&engine)).await;
    assert!(report.holds && report.complete, "{report:#?}");
    let runs: Vec<(&str, Execution)> =
        report.runs.iter().map(|run| (run.plugin.as_str(), run.result)).collect();
    assert!(
        runs.contains(&("model-card", Execution::Same)) && runs.contains(&("two-person", Execution::Same))
    );
    assert!(runs.iter().all(|(_, result)| *result == Execution::Same), "{runs:?}");
    // Its entries do not say what they rested on: its facts and its runs are there.
    assert_eq!(report.redecided.len(), 2);
    assert!(report.redecided.iter().all(|again| again.result == Redecision::Same), "{:?}", report.redecided);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bit_of_the_fixture_can_be_flipped(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = fixture().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(reads(&bytes).is_err(), "byte {}", at);
    }
}

/// With `COUNTERSIGN_PLUGINS_DIR`: `cargo nextest run -p countersign --lib writes_the_fixture --run-ignored all`. Only for
/// a new form: what is there stays as it is.
#[tokio::test]
#[ignore = "writes a file"]
async fn writes_the_fixture() {
    let dir = std::env::var("COUNTERSIGN_PLUGINS_DIR").unwrap();
    let world = World::new(POLICY).await;
    {
        let mut registry = world.registry.lock().unwrap();
        registry.description = "Scores applications for credit; not for marketing.".to_owned();
        registry.tags.insert("owner".to_owned(), "risk-analytics".to_owned());
        registry.files.insert("MLmodel".to_owned(), b"flavors: {}\n".to_vec());
    }
    let generation = crate::app::testing::generation(&world.app, &with_plugins(&dir)).await;
    world.app.keep_plugins(&generation).await.unwrap();
    world.app.generation.store(Arc::new(generation));
    world.app.started("0.1.0".to_owned(), None).await.unwrap();
    let id = world.asked().await.id;
    world.clock.advance(60_000);
    let said = crate::app::NewComment { text: "is the holdout from March?".to_owned(), ..Default::default() };
    world.app.comment(&caller("omar"), id, said).await.unwrap();
    world.signed(id, "this time").await;
    world.clock.advance(60_000);
    world.app.apply(&caller("ana"), id).await.unwrap();
    let file = world.evidence(id).await;
    assert!(file.as_bytes().lines().count() > 10);
    std::fs::write(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE), file).unwrap();
}

fn with_plugins(dir: &str) -> String {
    let pinned = |name: &str, grants: &str| {
        let path = format!("{dir}/{name}.wasm");
        let digest = countersign_core::digest::Digest::of(&std::fs::read(&path).unwrap());
        format!(
            "[[plugin]]\nname = \"{name}\"\nsource = \"file:{path}\"\ndigest = \"{digest}\"\ngrants = [{grants}]\n"
        )
    };
    let gate = "[[gate.check]]\nplugin = \"model-card\"\nrequired = true\n\
                config = { tags = [\"owner\"], min_words = 5 }\n\
                [[gate.rule]]\nplugin = \"two-person\"\nconfig = { default = { risk = 2 } }\n";
    format!("{}{}{POLICY}\n{gate}", pinned("model-card", "\"artifacts\""), pinned("two-person", ""))
}
