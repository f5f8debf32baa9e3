//! The panel on a version's page in MLflow: a piece of HTML that the module there shows as it comes.
//!
//! Its forms say in `data-post` which call of the API they are; the module sends them as JSON. It is drawn in a tree of
//! its own, so nothing of our other pages, no style and no icon, is at hand.

use askama::Template;
use countersign_core::compared::Compared;
use countersign_core::difference::Change;

use super::{ModelAt, When};
use crate::app::Rights;

/// Word and colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub words: String,
    /// One of those of the module: `good`, `bad`, `busy`, `warning`, `neutral`, or `lock`.
    pub tone: &'static str,
}

#[derive(Debug, Clone, Template)]
#[template(path = "panel.html")]
pub struct Panel {
    /// `/_countersign`, after MLflow's static prefix.
    pub base: String,
    pub model: ModelAt,
    pub model_url: String,
    pub version: String,
    pub badge: Mark,
    /// Governed names that it holds.
    pub holds: Vec<String>,
    pub creator: String,
    /// Governed names that came to it past us, where no request below says so first.
    pub bypassed: Vec<String>,
    pub requests: Vec<PanelRequest>,
    /// What to say where there is no request.
    pub nothing: String,
    /// Of a version that nobody asked for.
    pub checks: Checks,
    /// What can be asked for: words, and the action as JSON.
    pub targets: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub struct PanelRequest {
    pub id: String,
    pub url: String,
    pub headline: String,
    pub summary: String,
    pub requester: String,
    pub opened: When,
    pub flags: Vec<Mark>,
    pub seats: Vec<Mark>,
    pub checks: Checks,
    /// The version that holds the name now, and the name.
    pub holder: Option<(String, String)>,
    pub digest: String,
    pub live: bool,
    pub may: Rights,
    pub call: Option<Call>,
    /// The ledger's entry that announced its write.
    pub entry: Option<u64>,
}

/// The write itself, as MLflow takes it.
#[derive(Debug, Clone)]
pub struct Call {
    pub words: String,
    pub method: String,
    /// Below MLflow's static prefix, without a slash at its start.
    pub path: String,
    pub body: String,
}

/// Failures first; what passed is folded away.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "panel_checks.html")]
pub struct Checks {
    pub rest: Vec<CheckLine>,
    pub passed: Vec<CheckLine>,
    /// `checks` in the ids of what can be opened, so that it stays open.
    pub of: String,
}

#[derive(Debug, Clone)]
pub struct CheckLine {
    pub plugin: String,
    pub mark: Mark,
    pub summary: String,
    pub required: bool,
    /// Sentence, severity, what to do.
    pub findings: Vec<(String, &'static str, Option<String>)>,
    /// The call that records that they were opened, where that counts.
    pub opens: Option<String>,
}

/// What changes, as a row of its own that can be opened.
#[derive(Debug, Clone, Template)]
#[template(path = "panel_difference.html")]
pub struct Difference {
    pub was: String,
    pub is: String,
    pub holds: String,
    pub groups: Vec<(&'static str, Vec<Change>)>,
}

impl Panel {
    /// Where the comparison with another version is, below `base`.
    #[must_use]
    pub fn difference_path(&self, against: &str, holds: &str) -> String {
        let pairs = [
            ("model", &*self.model.name),
            ("version", &*self.version),
            ("against", against),
            ("holds", holds),
        ];
        format!("panel/difference{}", self.model.query_with(&pairs))
    }
}

impl Checks {
    /// `3 passed`.
    #[must_use]
    pub fn passed_mark(passed: &[CheckLine]) -> Mark {
        Mark { words: format!("{} passed", passed.len()), tone: "good" }
    }
}

impl PanelRequest {
    /// Whether this viewer may vote right here.
    #[must_use]
    pub fn signs(&self) -> bool {
        self.live && !self.may.seats.is_empty() && !self.may.proof
    }
}

impl Difference {
    #[must_use]
    pub fn new(was: String, is: String, holds: String, found: Compared) -> Self {
        let Compared { metrics, params, signature, files } = found;
        let groups =
            [("Metrics", metrics), ("Parameters", params), ("Signature", signature), ("Files", files)];
        let groups = groups.into_iter().filter(|(_, changes)| !changes.is_empty()).collect();
        Self { was, is, holds, groups }
    }

    #[must_use]
    pub fn summary(&self) -> String {
        let number = |(name, changes): &(&'static str, Vec<Change>)| {
            let word = match (*name, changes.len()) {
                ("Metrics", 1) => "metric",
                ("Metrics", _) => "metrics",
                ("Parameters", 1) => "parameter",
                ("Parameters", _) => "parameters",
                ("Signature", 1) => "column of the signature",
                ("Signature", _) => "columns of the signature",
                (_, 1) => "file",
                (_, _) => "files",
            };
            format!("{} {word}", changes.len())
        };
        let numbers: Vec<String> = self.groups.iter().map(number).collect();
        if numbers.is_empty() { "nothing".to_owned() } else { numbers.join(", ") }
    }

    /// How much a number grew, with its sign.
    #[must_use]
    pub fn grew(change: &Change) -> Option<String> {
        let number = |text: &Option<String>| text.as_ref()?.parse::<f64>().ok().filter(|n| n.is_finite());
        let by = number(&change.is)? - number(&change.was)?;
        let digits = if by.abs() >= 100.0 { 0 } else { 4 };
        Some(format!("{by:+.digits$}").replace('-', "\u{2212}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(fact: &str, was: Option<&str>, is: Option<&str>) -> Change {
        Change { fact: fact.to_owned(), was: was.map(str::to_owned), is: is.map(str::to_owned) }
    }

    #[test]
    fn what_changes_is_counted_and_measured() {
        let metrics = vec![change("auc", Some("0.884"), Some("0.912"))];
        let files = vec![change("a", None, Some("1 bytes")), change("b", Some("2 bytes"), None)];
        let found = Compared { metrics, files, ..Compared::default() };
        let shown = Difference::new("2".to_owned(), "3".to_owned(), "alias champion".to_owned(), found);
        assert_eq!(shown.summary(), "1 metric, 2 files");
        let html = shown.render().unwrap();
        assert!(html.contains("+0.0280") && html.contains("<td>0.912"), "{html}");
        let same = Difference::new("2".to_owned(), "3".to_owned(), String::new(), Compared::default());
        assert_eq!(same.summary(), "nothing");
    }

    const EVIL: &str = "\"><script>alert(1)</script>";

    fn evil() -> String {
        EVIL.to_owned()
    }

    fn request() -> PanelRequest {
        let line = |tone| CheckLine {
            plugin: evil(),
            mark: Mark { words: evil(), tone },
            summary: evil(),
            required: true,
            findings: vec![(evil(), "Error", Some(evil()))],
            opens: Some(evil()),
        };
        let checks = Checks { rest: vec![line("bad")], passed: vec![line("good"), line("good")], of: evil() };
        let at = countersign_core::time::Millis::new(0);
        PanelRequest {
            id: evil(),
            url: evil(),
            headline: evil(),
            summary: evil(),
            requester: evil(),
            opened: When::new(at, at),
            flags: vec![Mark { words: evil(), tone: "warning" }],
            seats: vec![Mark { words: evil(), tone: "busy" }],
            checks,
            holder: Some((evil(), evil())),
            digest: evil(),
            live: true,
            may: Rights { seats: vec![EVIL.into()], comment: true, withdraw: true, ..Rights::default() },
            call: Some(Call { words: evil(), method: evil(), path: evil(), body: evil() }),
            entry: Some(7),
        }
    }

    fn panel(requests: Vec<PanelRequest>) -> String {
        let badge = Mark { words: evil(), tone: "busy" };
        let (checks, targets) = (Checks::default(), vec![(evil(), evil())]);
        let panel = Panel {
            base: "/_countersign".to_owned(),
            model: ModelAt { name: evil(), workspace: Some(evil()) },
            model_url: evil(),
            version: evil(),
            badge,
            holds: vec![evil()],
            creator: evil(),
            bypassed: vec![evil()],
            requests,
            nothing: evil(),
            checks,
            targets,
        };
        panel.render().unwrap()
    }

    /// The module puts it into MLflow's page as it is.
    #[test]
    fn nothing_that_comes_from_outside_becomes_markup() {
        let found = Compared { metrics: vec![change(EVIL, Some(EVIL), Some(EVIL))], ..Compared::default() };
        let difference = Difference::new(evil(), evil(), evil(), found).render().unwrap();
        for html in [panel(vec![request()]), panel(vec![]), difference] {
            assert!(!html.contains("<script") && html.contains("&#60;script&#62;"), "{html}");
            assert!(!html.contains(" style=") && !html.contains(" onclick="), "{html}");
        }
    }

    #[test]
    fn it_is_one_element_and_offers_what_the_viewer_may_do() {
        let html = panel(vec![request()]);
        assert!(
            html.trim_start().starts_with("<section") && html.trim_end().ends_with("</section>"),
            "{html}"
        );
        assert!(html.contains(">Approve</button>") && html.contains(">Withdraw</button>"));
        let barred = Rights { why_not: Some("You cannot sign".to_owned()), ..Rights::default() };
        let html = panel(vec![PanelRequest { may: barred, ..request() }]);
        assert!(html.contains("You cannot sign") && !html.contains("Approve</button>"), "{html}");
        assert!(!html.contains("<textarea"), "nothing can be said, so nothing is asked");
        let first = Rights { first: Some("Open the findings".to_owned()), ..request().may };
        let html = panel(vec![PanelRequest { may: first, ..request() }]);
        assert_eq!(html.matches("disabled aria-describedby").count(), 2, "{html}");
    }

    #[test]
    fn growth_has_a_sign_or_is_not_said() {
        let check = |was: Option<&str>, is: Option<&str>, expect: Option<&str>| {
            assert_eq!(Difference::grew(&change("x", was, is)).as_deref(), expect);
        };
        check(Some("0.9"), Some("0.8"), Some("\u{2212}0.1000"));
        check(Some("1000"), Some("1200"), Some("+200"));
        check(Some("0.9"), None, None);
        check(Some("NaN"), Some("1"), None);
        check(Some("12 bytes, ab"), Some("13 bytes, cd"), None);
    }
}
