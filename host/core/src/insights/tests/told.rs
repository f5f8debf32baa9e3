//! Small histories, an hour at a time. All are about alias `champion` of model `credit`.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::action::{Action, Placed};
use crate::decide::{GateVerdict, Need, SeatCount, TierFound, Verdict};
use crate::digest::Digest;
use crate::entry::{Bypass, CheckRunRecord, Entry, Intent, OutcomeResult, Spent, TakenBack};
use crate::evidence::Opened;
use crate::facts::Subject;
use crate::held::Account;
use crate::insights::Projection;
use crate::names::{ModelName, PersonId, Tier, Version};
use crate::request::RequestId;
use crate::review::{Authors, Review, Vote};
use crate::time::Millis;

pub(crate) const HOUR: i64 = 3_600_000;

#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    pub(crate) entries: Vec<(Millis, Entry)>,
    pub(crate) versions: BTreeMap<u32, u32>,
    pub(crate) tier: Option<Tier>,
}

pub(crate) fn request(number: u32) -> RequestId {
    RequestId(Uuid::from_u128(u128::from(number)))
}

fn placed(version: u32) -> Placed {
    let action =
        Action::SetAlias { model: "credit".into(), alias: "champion".into(), version: Version::new(version) };
    Placed { workspace: "default".into(), action }
}

fn subject(version: u32) -> Subject {
    Subject {
        workspace: "default".into(),
        model: "credit".into(),
        version: Version::new(version),
        created: Millis::new(0),
        source: String::new(),
        manifest: None,
    }
}

impl Told {
    pub(crate) fn projection(&self) -> Projection {
        let mut projection = Projection::default();
        for (index, (at, entry)) in (0..).zip(&self.entries) {
            projection.fold(index, *at, entry);
        }
        projection
    }

    pub(crate) fn account(&self, model: &str) -> Account {
        let mut account = Account::new("default".into(), ModelName::new(model));
        for (index, (at, entry)) in (0..).zip(&self.entries) {
            account.take(index, *at, entry.clone());
        }
        account
    }

    /// A write of its own that no gate asks anybody about, and that is made.
    pub(crate) fn does(self, hour: i64, id: u128, action: Action) -> Self {
        let mut intent = self.intent(id, None, Some("free"), 1);
        intent.placed.action = action;
        self.told(hour, Entry::Intent(intent)).concluded_as(hour, id, OutcomeResult::Applied)
    }

    pub(crate) fn in_tier(self, tier: &str) -> Self {
        Self { tier: Some(tier.into()), ..self }
    }

    pub(crate) fn told(mut self, hour: i64, entry: Entry) -> Self {
        self.entries.push((Millis::new(hour * HOUR), entry));
        self
    }

    fn gates(&self, verdict: &str) -> Vec<GateVerdict> {
        let missing = Need::Signatures { seat: "risk".into(), missing: 1 };
        let again = Need::CheckRun { plugin: "auc".into() };
        let signed = if verdict == "signed" { [PersonId::from("ruth")].into() } else { Default::default() };
        let (verdict, needed) = match verdict {
            "blocked" => (Verdict::Held(vec![again]), 1),
            "clear" => (Verdict::Held(vec![missing]), 1),
            "signed" => (Verdict::Satisfied, 1),
            _ => (Verdict::Satisfied, 0),
        };
        vec![GateVerdict {
            tier: TierFound::Known(self.tier.clone().unwrap_or_else(|| "low".into())),
            seats: [("risk".into(), SeatCount { needed, signed })].into(),
            ..GateVerdict::new("production".into(), verdict)
        }]
    }

    pub(crate) fn opened(self, hour: i64, number: u32, verdict: &str) -> Self {
        self.begun(hour, number, 1, None, verdict)
    }

    pub(crate) fn opened_for(self, hour: i64, number: u32, version: u32) -> Self {
        self.begun(hour, number, version, None, "clear")
    }

    pub(crate) fn after(self, hour: i64, number: u32, previous: u32) -> Self {
        self.begun(hour, number, 1, Some(request(previous)), "clear")
    }

    fn begun(
        mut self,
        hour: i64,
        number: u32,
        version: u32,
        previous: Option<RequestId>,
        verdict: &str,
    ) -> Self {
        self.versions.insert(number, version);
        let entry = Entry::RequestOpened {
            request: request(number),
            placed: placed(version),
            subject: subject(version),
            binding: Digest::of(b"binding"),
            policy: Digest::of(b"policy"),
            facts: Digest::of(b"facts"),
            authors: Authors { requester: Some("ana".into()), ..Authors::default() },
            previous,
        };
        self.told(hour, entry).refused(hour, number, verdict)
    }

    fn version(&self, number: u32) -> u32 {
        self.versions.get(&number).copied().unwrap_or(1)
    }

    pub(crate) fn refused(self, hour: i64, number: u32, verdict: &str) -> Self {
        let entry = Entry::Refused {
            request: Some(request(number)),
            placed: placed(self.version(number)),
            by: Some("ana".into()),
            decision: "hold".to_owned(),
            gates: self.gates(verdict),
            reason: String::new(),
            basis: None,
        };
        self.told(hour, entry)
    }

    pub(crate) fn looked(self, hour: i64, number: u32, who: &str) -> Self {
        let opened = Opened {
            by: who.into(),
            plugin: "auc".into(),
            outcome: Digest::of(b"outcome"),
            at: Millis::new(hour * HOUR),
        };
        self.told(hour, Entry::EvidenceOpened { request: request(number), opened })
    }

    pub(crate) fn voted(self, hour: i64, number: u32, who: &str, approves: bool) -> Self {
        let review = Review {
            id: Uuid::nil(),
            reviewer: who.into(),
            seat: Some("risk".into()),
            vote: if approves { Vote::Approve } else { Vote::Reject },
            rationale: String::new(),
            at: Millis::new(hour * HOUR),
            binding: Digest::of(b"binding"),
            looked_for: None,
            signature: None,
        };
        self.told(hour, Entry::Reviewed { request: request(number), review })
    }

    pub(crate) fn stale(self, hour: i64, number: u32) -> Self {
        let (was, is) = (Digest::of(b"was"), Digest::of(b"is"));
        self.told(hour, Entry::Stale { request: request(number), was, is })
    }

    pub(crate) fn expired(self, hour: i64, number: u32) -> Self {
        self.told(hour, Entry::Expired { request: request(number) })
    }

    pub(crate) fn taken_back(self, hour: i64, number: u32, kind: fn(TakenBack) -> Entry) -> Self {
        let said = TakenBack { request: request(number), by: Some("ruth".into()), reason: String::new() };
        self.told(hour, kind(said))
    }

    pub(crate) fn lapsed(self, hour: i64, number: u32) -> Self {
        self.told(hour, Entry::Lapsed { request: request(number) })
    }

    fn intent(&self, id: u128, number: Option<u32>, verdict: Option<&str>, version: u32) -> Intent {
        Intent {
            id: Uuid::from_u128(id),
            request: number.map(request),
            placed: placed(version),
            subject: verdict.map(|_| subject(version)),
            binding: Digest::of(b"binding"),
            policy: Digest::of(b"policy"),
            by: None,
            gates: verdict.map(|verdict| self.gates(verdict)).unwrap_or_default(),
            authors: Authors::default(),
            body: Digest::of(b"body"),
            break_glass: None,
            in_window: false,
            also: Vec::new(),
            basis: None,
        }
    }

    pub(crate) fn announced(self, hour: i64, number: u32) -> Self {
        let intent = self.intent(number.into(), Some(number), Some("signed"), self.version(number));
        self.told(hour, Entry::Intent(intent))
    }

    pub(crate) fn concluded(self, hour: i64, number: u32, result: OutcomeResult) -> Self {
        self.concluded_as(hour, number.into(), result)
    }

    fn concluded_as(self, hour: i64, id: u128, result: OutcomeResult) -> Self {
        self.told(hour, Entry::Outcome { intent: Uuid::from_u128(id), result })
    }

    pub(crate) fn written(self, hour: i64, number: u32) -> Self {
        self.announced(hour, number).concluded(hour, number, OutcomeResult::Applied)
    }

    /// Without a request: no gate asked for anybody.
    pub(crate) fn written_freely(self, hour: i64) -> Self {
        let intent = self.intent(1_000, None, Some("free"), 1);
        self.told(hour, Entry::Intent(intent)).concluded(hour, 1_000, OutcomeResult::Applied)
    }

    /// To version 9, which nobody asked for.
    pub(crate) fn bypassed(self, hour: i64) -> Self {
        let bypass = Bypass {
            workspace: "default".into(),
            model: "credit".into(),
            what: "alias:champion".to_owned(),
            was: Some(Version::new(2)),
            is: Some(Version::new(9)),
        };
        self.told(hour, Entry::Bypassed(bypass))
    }

    /// To version 2.
    pub(crate) fn put_back(self, hour: i64) -> Self {
        let intent = self.intent(2_000, None, None, 2);
        self.told(hour, Entry::Intent(intent)).concluded(hour, 2_000, OutcomeResult::FoundApplied)
    }

    /// Two seconds by the clock, one of work.
    pub(crate) fn ran(self, hour: i64, plugin: &str, version: u32, conclusion: &str) -> Self {
        let any = Digest::of(b"");
        let record = CheckRunRecord {
            workspace: "default".into(),
            model: "credit".into(),
            version: Version::new(version),
            plugin: plugin.into(),
            plugin_digest: any,
            config_digest: any,
            input_digest: any,
            transcript_digest: any,
            outcome_digest: any,
            conclusion: conclusion.to_owned(),
            spent: Some(Spent { wall_us: 2_000_000, cpu_us: 1_000_000, errors: 1, warnings: 0 }),
        };
        self.told(hour, Entry::CheckRun(record))
    }
}
