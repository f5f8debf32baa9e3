//! The main insights as gauges. Labels are tiers and plugins of the policy, or words of a table's own.

use std::sync::atomic::AtomicU64;

use countersign_core::insights::{Cell, Table};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

type Number = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeadLabels {
    tier: String,
    percentile: String,
    part: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AgeLabels {
    age: String,
    waits_for: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StandingLabels {
    standing: String,
    decision_in_force: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PluginLabels {
    plugin: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MeasureLabels {
    measure: &'static str,
}

/// Set anew each time that somebody looks: what has no value is not shown.
#[derive(Default)]
pub(super) struct Insights {
    lead_time: Family<LeadLabels, Number>,
    open_requests: Family<AgeLabels, Number>,
    shares: Family<MeasureLabels, Number>,
    aliases: Family<StandingLabels, Number>,
    catches: Family<PluginLabels, Number>,
    cost: Family<PluginLabels, Number>,
    reviews: Family<MeasureLabels, Number>,
}

impl Insights {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "approval_lead_time",
            "From opening a request to its approval, over the last 90 days",
            Unit::Seconds,
            self.lead_time.clone(),
        );
        registry.register("open_requests", "Open requests by age", self.open_requests.clone());
        registry.register_with_unit(
            "flow",
            "First-pass yield, and share of writes that needed nobody, over the last 90 days",
            Unit::Ratios,
            self.shares.clone(),
        );
        registry.register("governed_aliases", "Governed aliases by what they stand by", self.aliases.clone());
        registry.register("check_catches", "Versions that a check caught in 90 days", self.catches.clone());
        registry.register_with_unit(
            "check_cost_per_catch",
            "Wall time of all runs of a check for each version that it caught, over the last 90 days",
            Unit::Seconds,
            self.cost.clone(),
        );
        registry.register_with_unit(
            "review_quality",
            "Shares of votes over the last 90 days, where enough were given to tell",
            Unit::Ratios,
            self.reviews.clone(),
        );
    }

    pub(super) fn show(&self, tables: &[Table]) {
        for table in tables {
            match table.name {
                "lead-time" => self.lead_time(table),
                "open-requests" => self.open_requests(table),
                "first-pass" => self.share("first_pass", table, "first_pass", &["first_pass", "other"]),
                "auto-approved" => {
                    self.share("automatic", table, "automatic", &["automatic", "signed", "break_glass"]);
                }
                "cost-per-catch" => self.cost(table),
                "coverage" => self.coverage(table),
                "review-quality" => self.quality(table),
                _ => {}
            }
        }
    }

    fn lead_time(&self, table: &Table) {
        const PARTS: [(&str, &str); 5] = [
            ("lead_s", "all"),
            ("checks_s", "checks"),
            ("queue_s", "queue"),
            ("evidence_s", "evidence"),
            ("review_s", "review"),
        ];
        self.lead_time.clear();
        for (key, part) in PARTS {
            let keys = table.column("tier").zip(table.column("percentile"));
            for ((tier, percentile), cell) in keys.zip(table.column(key)) {
                let labels = LeadLabels { tier: tier.plain(), percentile: percentile.plain(), part };
                set(&self.lead_time, &labels, cell.number().map(|millis| millis / 1_000.0));
            }
        }
    }

    fn open_requests(&self, table: &Table) {
        for (key, waits_for) in [("blocked", "authors"), ("waiting", "people")] {
            for (age, cell) in table.column("age").zip(table.column(key)) {
                set(&self.open_requests, &AgeLabels { age: age.plain(), waits_for }, cell.number());
            }
        }
    }

    fn share(&self, measure: &'static str, table: &Table, part: &str, of: &[&str]) {
        let sum = |key: &str| table.column(key).filter_map(Cell::number).sum::<f64>();
        let all: f64 = of.iter().map(|key| sum(key)).sum();
        let labels = MeasureLabels { measure };
        self.shares.remove(&labels);
        set(&self.shares, &labels, (all > 0.0).then(|| sum(part) / all));
    }

    fn cost(&self, table: &Table) {
        self.catches.clear();
        self.cost.clear();
        let costs = table.column("catches").zip(table.column("wall_per_catch_s"));
        for (plugin, (catches, cost)) in table.column("check").zip(costs) {
            let labels = PluginLabels { plugin: plugin.plain() };
            set(&self.catches, &labels, catches.number());
            set(&self.cost, &labels, cost.number().map(|millis| millis / 1_000.0));
        }
    }

    fn coverage(&self, table: &Table) {
        let keys = table.column("standing").zip(table.column("decision_in_force"));
        for ((standing, valid), cell) in keys.zip(table.column("aliases")) {
            let labels = StandingLabels { standing: standing.plain(), decision_in_force: valid.plain() };
            set(&self.aliases, &labels, cell.number());
        }
    }

    /// Of all votes together: the first row.
    fn quality(&self, table: &Table) {
        self.reviews.clear();
        for measure in ["quick", "unopened", "rejected", "in_bursts"] {
            let cell = table.column(measure).next();
            set(&self.reviews, &MeasureLabels { measure }, cell.and_then(Cell::number));
        }
    }
}

fn set<L: Clone + std::hash::Hash + Eq>(family: &Family<L, Number>, labels: &L, value: Option<f64>) {
    if let Some(value) = value {
        family.get_or_create(labels).set(value);
    }
}
