//! `policy backtest`: recorded decisions made again under another policy, from what they rested on.
//!
//! Each is first made again under the policy of its time. Where that does not give what was recorded, nothing is
//! concluded from it, and the report says why; it never counts as unchanged. Needs no server and no MLflow.

mod live;
mod report;

use std::collections::BTreeMap;

use countersign_core::digest::Digest;
use countersign_core::entry::Entry;
use countersign_core::policy::Policy;
use countersign_core::recorded::{History, Recorded};
use countersign_core::redecide::{Answer, Basis, redecide};
use countersign_core::time::Millis;

pub use self::report::BacktestReport;
use self::report::{LiveVerdict, because};
use super::evidence::blob;
use super::kept::{Asking, Kept};
use super::{AppError, People};
use crate::ledger::Ledger;
use crate::store::Store;

/// Entries that are read at once.
const AT_ONCE: usize = 500;

/// What history is held against.
pub struct Backtest<'a> {
    pub store: &'a dyn Store,
    pub ledger: &'a Ledger,
    /// Who is known today. Seats are filled by these people, also in the past.
    pub people: &'a People,
    pub policy: &'a Policy,
    /// Policies whose text the record may lack.
    pub known: Vec<Policy>,
    pub since: Option<Millis>,
}

/// How one decision comes out again.
enum Again {
    Same,
    Changes { to: Answer, because: Vec<String>, assumed: Vec<String> },
    Unknown { needs: Vec<String> },
    Cannot(String),
}

impl Backtest<'_> {
    /// Decides everything again. `progress` is told how many entries were read.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn run(&self, progress: &mut dyn FnMut(u64)) -> Result<BacktestReport, AppError> {
        let mut report = BacktestReport::new(self.policy.digest().0, self.since);
        let mut policies: BTreeMap<Digest, Policy> =
            self.known.iter().map(|policy| (policy.digest().0, policy.clone())).collect();
        let (mut history, mut from, mut made) = (History::default(), 0, BTreeMap::new());
        loop {
            let page = self.ledger.range(from, AT_ONCE)?;
            let Some(last) = page.last() else { break };
            from = last.index + 1;
            for record in &page {
                let (at, entry) = (record.parse()?.at, serde_json::from_str::<Entry>(&record.json)?);
                self.learn(&entry, &mut policies);
                let Some(decision) = history.read(record.index, at, &entry) else { continue };
                let again = self.again(&decision, &policies)?;
                if self.since.is_none_or(|since| since <= at) {
                    report.take(&decision, &again);
                }
                if decision.decision == "allow" {
                    made.insert(decision.entry, (decision.placed, again));
                }
            }
            progress(from);
        }
        report.live = live::verdicts(self.store, &made)?;
        Ok(report)
    }

    /// A policy whose text was kept when it took effect.
    fn learn(&self, entry: &Entry, policies: &mut BTreeMap<Digest, Policy>) {
        let (digest, text) = match entry {
            Entry::PolicyLoaded(load) => (load.policy, load.text),
            Entry::Started { policy, text, .. } => (*policy, *text),
            _ => return,
        };
        let Some(text) = text.and_then(|text| blob(self.store, text).ok()) else { return };
        let parsed =
            String::from_utf8(text).ok().and_then(|text| Policy::parse("a recorded policy", &text).ok());
        // A newer version may read a text otherwise: then it is another policy.
        if let Some(policy) = parsed.filter(|policy| policy.digest().0 == digest) {
            policies.insert(digest, policy);
        }
    }

    fn again(&self, decision: &Recorded, policies: &BTreeMap<Digest, Policy>) -> Result<Again, AppError> {
        let evidence = match Kept::of(&|digest| blob(self.store, digest), decision) {
            Ok(evidence) => evidence,
            Err(why) => return Ok(Again::Cannot(why)),
        };
        let Some(digest) = decision.policy else {
            return Ok(Again::Cannot("no entry says which policy was in force".to_owned()));
        };
        let Some(old) = policies.get(&digest) else {
            return Ok(Again::Cannot(format!(
                "the text of policy {} was not kept: give its file with `--was`",
                digest.short()
            )));
        };
        let (was, lacking, _) = self.decide(old, decision, &evidence)?;
        if was.as_str() != decision.decision {
            return Ok(Again::Cannot(not_as_recorded(decision, &was, &lacking)));
        }
        let (is, lacking, assumed) = self.decide(self.policy, decision, &evidence)?;
        Ok(compared(&was, is, lacking, assumed))
    }

    fn decide(
        &self,
        policy: &Policy,
        decision: &Recorded,
        kept: &Kept,
    ) -> Result<(Answer, Vec<String>, Vec<String>), AppError> {
        let asking = Asking::new(policy, kept, &decision.gates);
        let binding = decision.binding.unwrap_or_else(|| Digest::of(&[]));
        let answer = redecide(
            policy,
            &Basis {
                placed: &decision.placed,
                facts: &kept.facts,
                also: &kept.also,
                holdings: &kept.holdings(),
                binding,
                runs: &|matched, demand, subject| asking.runs(matched, demand, subject),
                reviews: &decision.reviews,
                open_threads: kept.open_threads,
                authors: &decision.authors,
                roster: &self.people.roster(policy, decision.at),
                waivers: &decision.waivers,
                break_glass: decision.broken.as_ref(),
                before: &decision.before,
                now: decision.at,
            },
        )?;
        let lacking = asking.lacking(&answer);
        Ok((answer, lacking, asking.assumed()))
    }
}

fn not_as_recorded(decision: &Recorded, was: &Answer, lacking: &[String]) -> String {
    let lacks = match lacking {
        [] => "somebody who could sign then may not be known any more".to_owned(),
        some => format!("the record lacks {}", some.join(", ")),
    };
    format!(
        "by its own policy it would be `{}` now and is recorded as `{}`: {lacks}",
        was.as_str(),
        decision.decision
    )
}

fn compared(was: &Answer, is: Answer, lacking: Vec<String>, assumed: Vec<String>) -> Again {
    // What is refused is refused whatever a check would say.
    let certain = matches!(is, Answer::Deny(_) | Answer::Refused(_) | Answer::Ungoverned);
    if !lacking.is_empty() && !certain {
        Again::Unknown { needs: lacking }
    } else if was.as_str() == is.as_str() {
        Again::Same
    } else {
        Again::Changes { because: because(was, &is), to: is, assumed }
    }
}
