//! Findings, and the report whose conclusion follows from them.

use crate::types::{Conclusion, Finding, Report, Severity};

/// The findings of one check run.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    #[must_use]
    pub fn as_slice(&self) -> &[Finding] {
        &self.0
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The conclusion that follows: an error fails, a warning warns, otherwise it passes.
    #[must_use]
    pub fn conclusion(&self) -> Conclusion {
        match self.worst() {
            Some(Severity::Error) => Conclusion::Fail,
            Some(Severity::Warning) => Conclusion::Warn,
            Some(Severity::Info) | None => Conclusion::Pass,
        }
    }

    /// The report. `passed` is its summary when nothing is wrong; otherwise the first of the worst findings
    /// speaks, and how many more there are.
    #[must_use]
    pub fn report(self, passed: impl Into<String>) -> Report {
        let conclusion = self.conclusion();
        let summary = match conclusion {
            Conclusion::Fail => self.headline(Severity::Error),
            Conclusion::Warn => self.headline(Severity::Warning),
            Conclusion::Pass | Conclusion::Skipped => passed.into(),
        };
        Report { conclusion, summary, findings: self.0, extensions: Vec::new() }
    }

    fn worst(&self) -> Option<Severity> {
        self.0.iter().map(|f| f.severity).max_by_key(|s| *s as u8)
    }

    fn headline(&self, severity: Severity) -> String {
        let mut of_that = self.0.iter().filter(|f| f.severity == severity);
        let first = of_that.next().map(|f| f.message.clone()).unwrap_or_default();
        match of_that.count() {
            0 => first,
            1 => format!("{first} (and 1 more finding like it)"),
            n => format!("{first} (and {n} more findings like it)"),
        }
    }
}

impl Extend<Finding> for Findings {
    fn extend<I: IntoIterator<Item = Finding>>(&mut self, findings: I) {
        self.0.extend(findings);
    }
}

impl FromIterator<Finding> for Findings {
    fn from_iter<I: IntoIterator<Item = Finding>>(findings: I) -> Self {
        Self(findings.into_iter().collect())
    }
}

impl Report {
    /// The check does not apply to this version, and why.
    #[must_use]
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self {
            conclusion: Conclusion::Skipped,
            summary: reason.into(),
            findings: Vec::new(),
            extensions: Vec::new(),
        }
    }
}

impl Finding {
    /// `code` is kebab-case and stable; `message` is one sentence that is understood without the other fields.
    #[must_use]
    pub fn new(severity: Severity, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            severity,
            message: message.into(),
            measured: None,
            comparator: None,
            threshold: None,
            sample_size: None,
            segment: None,
            remediation: None,
            extensions: Vec::new(),
        }
    }

    /// Fails the check.
    #[must_use]
    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// Makes the check warn.
    #[must_use]
    pub fn warning(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// Says something and changes nothing.
    #[must_use]
    pub fn info(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Info, code, message)
    }

    /// A decimal string, as recorded.
    #[must_use]
    pub fn measured(mut self, value: impl ToString) -> Self {
        self.measured = Some(value.to_string());
        self
    }

    /// What the measured value should have satisfied: `.threshold(">=", "0.85")`.
    #[must_use]
    pub fn threshold(mut self, comparator: &str, value: impl ToString) -> Self {
        self.comparator = Some(comparator.to_owned());
        self.threshold = Some(value.to_string());
        self
    }

    #[must_use]
    pub fn sample_size(mut self, count: u32) -> Self {
        self.sample_size = Some(count);
        self
    }

    /// The slice of the data, or the file, that this is about.
    #[must_use]
    pub fn segment(mut self, segment: impl Into<String>) -> Self {
        self.segment = Some(segment.into());
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn remediation(mut self, advice: impl Into<String>) -> Self {
        self.remediation = Some(advice.into());
        self
    }

    /// A fact that the record has no field for. `json` is a JSON text.
    #[must_use]
    pub fn extension(mut self, name: impl Into<String>, json: impl Into<String>) -> Self {
        self.extensions.push((name.into(), json.into()));
        self
    }
}
