//! `policy test`: the cases next to a policy, decided as the server would decide them.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use countersign_core::digest::Digest;
use countersign_core::facts::{Facts, ModelFacts, VersionFacts};
use countersign_core::policy::Policy;
use countersign_core::policy::cases::{CaseRun, Difference, PolicyCase};
use serde_json::{Value, json};

use crate::app::blob;
use crate::cli::args::PolicyTest;
use crate::cli::context::Context;
use crate::cli::failure::{hinted, misread};
use crate::cli::machinery::runtime;
use crate::cli::operator::Operator;
use crate::cli::output::{counted, painted};
use crate::cli::place::{self, Found};

pub(super) fn run(context: &Context, wanted: &PolicyTest) -> Result<()> {
    let file = match &wanted.file {
        Some(file) => file.clone(),
        None => context.config()?.policy_file,
    };
    let text = super::read(&file).map_err(misread)?;
    let policy = Policy::parse(&file.display().to_string(), &text).map_err(misread)?;
    let cases = read_all(&policy, &case_files(&file, &wanted.cases)?)?;
    let only = wanted.only.as_deref().unwrap_or_default();
    let chosen: Vec<&PolicyCase> = cases.iter().filter(|case| case.name.contains(only)).collect();
    ensure!(!chosen.is_empty(), misread(anyhow!("no case has `{only}` in its name")));
    let runs = chosen.iter().map(|case| decide(context, case, &policy)).collect::<Result<Vec<_>>>()?;
    tell(context, &file, &policy, &runs).map_err(|error| match unseated(&policy, &chosen).as_slice() {
        [] => error,
        found => hinted(error, format!("cases let people sign who may not: {}", found.join(", "))),
    })
}

/// Whose votes cannot count, as where the people of a policy were replaced and those of its cases were not.
fn unseated(policy: &Policy, cases: &[&PolicyCase]) -> Vec<String> {
    let reviews = cases.iter().flat_map(|case| &case.reviews);
    let strangers = reviews.filter(|review| {
        let seat = policy.seats().iter().find(|seat| seat.name == review.seat);
        let stands_in = || policy.delegations().iter().any(|one| one.to.as_str() == review.by.as_str());
        seat.is_some_and(|seat| seat.groups.is_empty() && !seat.members.contains(review.by.as_str()))
            && !stands_in()
    });
    let named: BTreeSet<String> =
        strangers.map(|review| format!("`{}` is no member of seat `{}`", review.by, review.seat)).collect();
    named.into_iter().collect()
}

fn tell(context: &Context, file: &Path, policy: &Policy, runs: &[CaseRun]) -> Result<()> {
    let failed = runs.iter().filter(|run| !run.wrong.is_empty()).count();
    let json = json!({
        "policy": {"file": file, "digest": policy.digest()},
        "cases": runs, "held": runs.len() - failed, "failed": failed,
    });
    context.out.tell(&Shown { runs, policy: file }, &json)?;
    if failed > 0 {
        bail!("{failed} of {} do not come out as they say", cases_of(runs.len()));
    }
    Ok(())
}

fn cases_of(number: usize) -> String {
    counted(u64::try_from(number).unwrap_or(u64::MAX), "case", "cases")
}

/// Those that were named, else what lies next to the policy: `policy.tests.toml` and `policy/tests/*.toml`.
fn case_files(policy: &Path, globs: &[String]) -> Result<Vec<PathBuf>> {
    if globs.is_empty() {
        return beside(policy);
    }
    let mut files = Vec::new();
    for pattern in globs {
        let found = matching(pattern)?;
        ensure!(!found.is_empty(), misread(anyhow!("no file matches `--cases {pattern}`")));
        files.extend(found);
    }
    Ok(files)
}

fn beside(policy: &Path) -> Result<Vec<PathBuf>> {
    let one = policy.with_extension("tests.toml");
    let many = policy.with_extension("").join("tests").join("*.toml");
    let one_if_there = one.exists().then(|| one.clone());
    let escaped = glob::Pattern::escape(&policy.with_extension("").display().to_string());
    let found = matching(&format!("{escaped}/tests/*.toml"))?;
    let files: Vec<PathBuf> = one_if_there.into_iter().chain(found).collect();
    let none = || {
        format!(
            "no cases lie next to `{}`: looked for `{}` and `{}`",
            policy.display(),
            one.display(),
            many.display()
        )
    };
    let hint = "write some (`countersign policy test --help` shows one), or name files with `--cases`";
    ensure!(!files.is_empty(), misread(hinted(none(), hint)));
    Ok(files)
}

fn matching(pattern: &str) -> Result<Vec<PathBuf>> {
    let paths = glob::glob(pattern).map_err(|error| misread(anyhow!("`--cases {pattern}`: {error}")))?;
    paths.collect::<Result<Vec<_>, _>>().map_err(misread)
}

/// The cases of all files, or every fault of all files.
fn read_all(policy: &Policy, files: &[PathBuf]) -> Result<Vec<PolicyCase>> {
    let (mut cases, mut faults) = (Vec::new(), Vec::new());
    for file in files {
        let text = super::read(file).map_err(misread)?;
        match policy.cases(&file.display().to_string(), &text) {
            Ok(read) => cases.extend(read),
            Err(error) => faults.push(error.to_string()),
        }
    }
    ensure!(faults.is_empty(), misread(anyhow!(faults.join("\n"))));
    Ok(cases)
}

fn decide(context: &Context, case: &PolicyCase, policy: &Policy) -> Result<CaseRun> {
    let at = || format!("{}:{}: case `{}`", case.file, case.line, case.name);
    let snapshot = case.snapshot.as_ref().map(|named| snapshot(context, case, named));
    let snapshot = snapshot.transpose().with_context(at).map_err(misread)?;
    case.run(policy, snapshot).with_context(at)
}

/// Recorded facts, from a file or by their digest: the JSON of a version and its model, as evidence keeps them.
fn snapshot(context: &Context, case: &PolicyCase, named: &str) -> Result<Facts> {
    let beside = Path::new(&case.file).parent().unwrap_or(Path::new("")).join(named);
    let found: Value = match named.parse::<Digest>() {
        Ok(digest) => kept(context, digest)?,
        Err(_) => serde_json::from_str(&super::read(&beside)?).unwrap_or_default(),
    };
    let (version, model): (VersionFacts, ModelFacts) = serde_json::from_value(found)
        .with_context(|| format!("`{named}` holds no recorded facts: a list of a version and its model"))?;
    Ok(Facts { taken_at: case.at, version, model })
}

/// Evidence of this installation.
fn kept(context: &Context, digest: Digest) -> Result<Value> {
    let config = context.config()?;
    match place::find_store(&config)? {
        Found::AtRest(store) => Ok(serde_json::from_slice(&blob(&*store, digest)?)?),
        Found::Served => {
            let operator = Operator::new(&config)?;
            let digest = digest.to_string();
            runtime()?.block_on(operator.get("/operator/blob", &[("digest", &digest)]))
        }
    }
}

/// The report of a test runner.
struct Shown<'a> {
    runs: &'a [CaseRun],
    policy: &'a Path,
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut file = "";
        for run in self.runs {
            if run.file != file {
                file = &run.file;
                writeln!(f, "{file}")?;
            }
            match run.wrong.as_slice() {
                [] => writeln!(f, "  {}    {}", painted("ok", 32), run.name)?,
                wrong => self.failed(f, run, wrong)?,
            }
        }
        let failed = self.runs.iter().filter(|run| !run.wrong.is_empty()).count();
        let held = self.runs.len() - failed;
        write!(f, "\n{}: {held} as expected, {failed} not", cases_of(self.runs.len()))
    }
}

impl Shown<'_> {
    fn failed(&self, f: &mut fmt::Formatter<'_>, run: &CaseRun, wrong: &[Difference]) -> fmt::Result {
        writeln!(f, "  {}  {} (line {})", painted("FAIL", 31), run.name, run.line)?;
        for Difference { what, expected, got } in wrong {
            writeln!(f, "          {what:<11}expected {expected}, got {got}")?;
        }
        writeln!(f, "          {:<11}{}", "why", run.got.because)?;
        if let Some(tier) = &run.got.tier {
            writeln!(f, "          {:<11}{tier}", "tier")?;
        }
        let keys: Vec<String> = wrong.iter().map(|differs| format!("`{}`", differs.what)).collect();
        let gates: Vec<String> = run.got.gates.iter().map(|gate| format!("gate `{gate}`")).collect();
        let place = if gates.is_empty() { "the gates".to_owned() } else { gates.join(" or ") };
        let (keys, policy) = (keys.join(", "), self.policy.display());
        writeln!(f, "          {:<11}{place} of {policy}; or, if this is right, {keys} of the case", "change")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "[[seat]]\nname = \"risk\"\nmembers = [\"ruth\"]\n[[tier]]\nname = \"low\"\n[[gate]]\nname = \"production\"\n\
                          mode = \"enforce\"\nmodels = [\"*\"]\nguards = [{ alias = \"champion\" }]\n[gate.approvals.low]\nseats = { risk = 1 }\n";
    const CASE: &str =
        "[[case]]\nname = \"it waits\"\naction = \"alias=champion\"\n[case.expect]\ndecision = \"hold\"\n";

    /// A folder with a policy and these files beside it.
    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("policy/tests")).unwrap();
        for (name, text) in [("policy.toml", POLICY)].iter().chain(files) {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let policy = dir.path().join("policy.toml");
        (dir, policy)
    }

    fn context() -> Context {
        Context::new("nowhere.toml".into(), crate::cli::args::Output::Text)
    }

    fn runs(policy: &Path, globs: &[String]) -> Result<Vec<CaseRun>> {
        let read = Policy::parse("policy.toml", POLICY)?;
        let cases = read_all(&read, &case_files(policy, globs)?)?;
        cases.iter().map(|case| decide(&context(), case, &read)).collect()
    }

    #[test]
    fn cases_lie_next_to_the_policy_in_one_file_and_in_many() {
        let more = CASE.replace("it waits", "it waits too");
        let (dir, policy) =
            folder(&[("policy.tests.toml", CASE), ("policy/tests/more.toml", &more), ("other.toml", CASE)]);
        let names = |globs: &[String]| -> Vec<String> {
            runs(&policy, globs).unwrap().into_iter().map(|run| run.name).collect()
        };
        assert_eq!(names(&[]), ["it waits", "it waits too"]);
        assert_eq!(names(&[dir.path().join("o*.toml").display().to_string()]), ["it waits"]);
        let none = runs(&policy, &["nowhere/*.toml".to_owned()]).unwrap_err().to_string();
        assert_eq!(none, "no file matches `--cases nowhere/*.toml`");
    }

    #[test]
    fn people_of_the_cases_whom_no_seat_has_are_named() {
        let signed = |by: &str| format!("{CASE}[[case.reviews]]\nby = \"{by}\"\nseat = \"risk\"\n");
        let told = |by: &str| {
            let (_dir, policy) = folder(&[("policy.tests.toml", &signed(by))]);
            let read = Policy::parse("policy.toml", POLICY).unwrap();
            let cases = read_all(&read, &case_files(&policy, &[]).unwrap()).unwrap();
            unseated(&read, &cases.iter().collect::<Vec<_>>())
        };
        assert_eq!(told("ruth"), Vec::<String>::new());
        assert_eq!(told("validator-1"), ["`validator-1` is no member of seat `risk`"]);
    }

    #[test]
    fn a_failing_case_says_what_came_out_why_and_what_to_change() {
        let (_dir, policy) = folder(&[("policy.tests.toml", &CASE.replace("\"hold\"", "\"allow\""))]);
        let runs = runs(&policy, &[]).unwrap();
        let text = Shown { runs: &runs, policy: Path::new("policy.toml") }.to_string();
        for words in [
            "FAIL  it waits (line 1)",
            "decision   expected allow, got hold",
            "why        Waiting for 1 signature from seat risk (ruth)",
            "change     gate `production` of policy.toml; or, if this is right, `decision` of the case",
            "1 case: 0 as expected, 1 not",
        ] {
            assert!(text.contains(words), "{words}\n{text}");
        }
    }

    #[test]
    fn a_case_can_begin_with_recorded_facts() {
        let snapshot = r#"[{"subject":{"workspace":"default","model":"credit","version":"7","created":1,"source":"s","manifest":null},"description":null,"stage":"None","status":"READY","tags":{},"aliases":[],"run":null,"logged_model":null,"metrics":[],"files":[],"mlmodel":null,"missing":[]},{"description":null,"tags":{},"aliases":{}}]"#;
        let case = CASE.replace("action", "snapshot = \"facts.json\"\naction");
        let (_dir, policy) = folder(&[("policy.tests.toml", &case), ("facts.json", snapshot)]);
        assert_eq!(runs(&policy, &[]).unwrap()[0].wrong, []);
        let (_dir, policy) = folder(&[("policy.tests.toml", &case), ("facts.json", "{}")]);
        assert!(format!("{:#}", runs(&policy, &[]).unwrap_err()).contains("holds no recorded facts"));
    }
}
