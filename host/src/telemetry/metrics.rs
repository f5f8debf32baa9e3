//! What `/metrics` shows. Labels take values from closed sets, or names that the operator chose in the policy.

mod insights;

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use countersign_core::check::Conclusion;
use countersign_core::insights::Table;
use countersign_core::names::PluginName;
use countersign_core::policy::Mode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::labels::{Drift, Hook, RequestOutcome, Route, WebhookResult};

/// The metrics of one process. Cheap to clone the parts of; share the whole by reference.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    /// The one of them that counts most, found once.
    passed: OnceLock<Counter>,
    decisions: Family<DecisionLabels, Counter>,
    check_runs: Family<CheckLabels, Counter>,
    check_duration: Family<PluginLabels, Histogram>,
    upstream_duration: Family<RouteLabels, Histogram>,
    overhead: Family<RouteLabels, Histogram>,
    promotion_requests: Family<StateLabels, Gauge>,
    webhooks: Family<WebhookLabels, Counter>,
    drift: Family<DriftLabels, Counter>,
    approvals: Family<ApprovalLabels, Counter>,
    hooks: Family<HookLabels, Counter>,
    replays: Family<ReplayLabels, Counter>,
    ledger_size: Gauge,
    open_intents: Gauge,
    insights: insights::Insights,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    action: &'static str,
    decision: &'static str,
    mode: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CheckLabels {
    plugin: String,
    conclusion: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PluginLabels {
    plugin: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabels {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApprovalLabels {
    step: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReplayLabels {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HookLabels {
    hook: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DriftLabels {
    kind: &'static str,
}

/// From a quarter of a millisecond to 16 seconds: what a proxy adds, up to what a slow check takes.
fn seconds() -> Histogram {
    Histogram::new([
        0.000_25, 0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.25, 0.5, 1.0, 2.0, 4.0,
        8.0, 16.0,
    ])
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("countersign"),
            requests: Family::default(),
            passed: OnceLock::new(),
            decisions: Family::default(),
            check_runs: Family::default(),
            check_duration: Family::new_with_constructor(seconds),
            upstream_duration: Family::new_with_constructor(seconds),
            overhead: Family::new_with_constructor(seconds),
            promotion_requests: Family::default(),
            webhooks: Family::default(),
            drift: Family::default(),
            approvals: Family::default(),
            hooks: Family::default(),
            replays: Family::default(),
            ledger_size: Gauge::default(),
            open_intents: Gauge::default(),
            insights: insights::Insights::default(),
        };
        metrics.register_traffic();
        metrics.register_governance();
        metrics
    }

    fn register_traffic(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Requests on the main listener", self.requests.clone());
        registry.register_with_unit(
            "upstream_request_duration",
            "From a request forwarded to the first byte of MLflow's answer",
            Unit::Seconds,
            self.upstream_duration.clone(),
        );
        registry.register_with_unit(
            "overhead",
            "What Countersign adds to a request, waiting for MLflow left out",
            Unit::Seconds,
            self.overhead.clone(),
        );
        registry.register("webhooks", "Deliveries of webhooks by MLflow", self.webhooks.clone());
        registry.register(
            "page_hooks_missing",
            "Places in MLflow's pages that were not where they used to be: MLflow has changed",
            self.hooks.clone(),
        );
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that answers", build);
    }

    fn register_governance(&mut self) {
        let registry = &mut self.registry;
        registry.register("decisions", "Decisions about governed actions", self.decisions.clone());
        registry.register("check_runs", "Executions of checks", self.check_runs.clone());
        registry.register_with_unit(
            "check_duration",
            "Wall time of one execution of a check",
            Unit::Seconds,
            self.check_duration.clone(),
        );
        registry.register(
            "promotion_requests",
            "Promotion requests by state",
            self.promotion_requests.clone(),
        );
        registry.register(
            "reconcile_drift",
            "Governed changes seen in MLflow that no permit explains",
            self.drift.clone(),
        );
        registry.register(
            "approvals_ending",
            "What became of approvals: warned of, run out, stale by their tier, suspended, alias moved to its fallback",
            self.approvals.clone(),
        );
        registry.register(
            "replays",
            "Recorded check and rule runs that were executed again: the same bytes, others, or nothing to run",
            self.replays.clone(),
        );
        registry.register("ledger_size", "Entries in the ledger", self.ledger_size.clone());
        registry.register(
            "ledger_open_intents",
            "Intents whose outcome is not recorded",
            self.open_intents.clone(),
        );
        self.insights.register(registry);
    }

    pub fn request(&self, route: Route, outcome: RequestOutcome) {
        let find = || {
            let labels = RequestLabels { route: route.as_str(), outcome: outcome.as_str() };
            self.requests.get_or_create_owned(&labels)
        };
        match (route, outcome) {
            (Route::PassThrough, RequestOutcome::Forwarded) => self.passed.get_or_init(find).inc(),
            _ => find().inc(),
        };
    }

    /// `action` is [`Action::kind`](countersign_core::action::Action::kind); `decision` is `allow`, `hold` or `deny`.
    pub fn decision(&self, action: &'static str, decision: &'static str, mode: Mode) {
        self.decisions.get_or_create(&DecisionLabels { action, decision, mode: mode.as_str() }).inc();
    }

    pub fn check_run(&self, plugin: &PluginName, conclusion: Conclusion, took: Duration) {
        let plugin = plugin.to_string();
        self.check_duration
            .get_or_create(&PluginLabels { plugin: plugin.clone() })
            .observe(took.as_secs_f64());
        self.check_runs.get_or_create(&CheckLabels { plugin, conclusion: conclusion.as_str() }).inc();
    }

    pub fn upstream(&self, route: Route, took: Duration) {
        self.upstream_duration
            .get_or_create(&RouteLabels { route: route.as_str() })
            .observe(took.as_secs_f64());
    }

    pub fn overhead(&self, route: Route, took: Duration) {
        self.overhead.get_or_create(&RouteLabels { route: route.as_str() }).observe(took.as_secs_f64());
    }

    /// `state` is the request's state as it is serialised.
    pub fn promotion_requests(&self, state: &'static str, count: i64) {
        self.promotion_requests.get_or_create(&StateLabels { state }).set(count);
    }

    pub fn webhook(&self, result: WebhookResult) {
        self.webhooks.get_or_create(&WebhookLabels { result: result.as_str() }).inc();
    }

    pub fn drift(&self, kind: Drift) {
        self.drift.get_or_create(&DriftLabels { kind: kind.as_str() }).inc();
    }

    /// `step` is the kind of the ledger entry that says so.
    pub fn approval_ending(&self, step: &'static str) {
        self.approvals.get_or_create(&ApprovalLabels { step }).inc();
    }

    pub fn hook_missing(&self, hook: Hook) {
        self.hooks.get_or_create(&HookLabels { hook: hook.as_str() }).inc();
    }

    /// `result` is a word of `app::Replayed`.
    pub fn replay(&self, result: &'static str) {
        self.replays.get_or_create(&ReplayLabels { result }).inc();
    }

    pub fn ledger_size(&self, entries: u64) {
        self.ledger_size.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }

    pub fn open_intents(&self, count: u64) {
        self.open_intents.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// The tables of [`countersign_core::insights`].
    pub fn insights(&self, tables: &[Table]) {
        self.insights.show(tables);
    }

    /// All metrics as OpenMetrics text, `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    ///
    /// # Errors
    /// Only when formatting fails, which writing into memory does not.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::new();
        metrics.request(Route::Governed, RequestOutcome::Refused);
        metrics.request(Route::PassThrough, RequestOutcome::Forwarded);
        metrics.request(Route::PassThrough, RequestOutcome::Forwarded);
        metrics.decision("set-alias", "deny", Mode::Enforce);
        metrics.check_run(&"metric-threshold".into(), Conclusion::Fail, Duration::from_millis(3));
        metrics.overhead(Route::PassThrough, Duration::from_micros(300));
        metrics.upstream(Route::PassThrough, Duration::from_millis(2));
        metrics.promotion_requests("open", 2);
        metrics.webhook(WebhookResult::BadSignature);
        metrics.drift(Drift::Alias);
        metrics.approval_ending("expiring");
        metrics.hook_missing(Hook::Version);
        metrics.replay("same");
        metrics.ledger_size(41);
        metrics.open_intents(1);
        let text = metrics.encode().unwrap();
        for line in [
            "countersign_requests_total{route=\"governed\",outcome=\"refused\"} 1",
            "countersign_requests_total{route=\"pass-through\",outcome=\"forwarded\"} 2",
            "countersign_decisions_total{action=\"set-alias\",decision=\"deny\",mode=\"enforce\"} 1",
            "countersign_check_runs_total{plugin=\"metric-threshold\",conclusion=\"fail\"} 1",
            "countersign_check_duration_seconds_bucket{le=\"0.004\",plugin=\"metric-threshold\"} 1",
            "countersign_overhead_seconds_count{route=\"pass-through\"} 1",
            "countersign_upstream_request_duration_seconds_bucket{le=\"0.002\",route=\"pass-through\"} 1",
            "countersign_promotion_requests{state=\"open\"} 2",
            "countersign_webhooks_total{result=\"bad-signature\"} 1",
            "countersign_reconcile_drift_total{kind=\"alias\"} 1",
            "countersign_approvals_ending_total{step=\"expiring\"} 1",
            "countersign_page_hooks_missing_total{hook=\"version\"} 1",
            "countersign_replays_total{result=\"same\"} 1",
            "countersign_ledger_size 41",
            "countersign_ledger_open_intents 1",
            "countersign_build_info{version=\"0.1.0\"} 1",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
        }
    }
}
