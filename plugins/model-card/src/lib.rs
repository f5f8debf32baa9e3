//! Asks that a model version is described: sections, tags, an owner, and enough words.

mod card;

use countersign_sdk::prelude::*;

use card::Card;

/// The configuration of one gate.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelCard {
    /// Headings that the card must have, each with text under it. Case and punctuation do not count.
    sections: Vec<String>,
    /// Tags of the version that must have a value.
    tags: Vec<String>,
    /// The tag that names the owner.
    owner_tag: Option<String>,
    min_words: u32,
    /// Files that may hold the card, the first that exists counts, after the description. By default the usual names.
    files: Option<Vec<String>>,
    /// Whether what is missing only warns.
    warn_only: bool,
}

/// Where authors and libraries put it.
const USUAL_FILES: [&str; 4] = ["model_card.md", "MODEL_CARD.md", "README.md", "readme.md"];

impl Check for ModelCard {
    fn problems(&self) -> Vec<ConfigError> {
        let empty = |list: &str, all: &[String]| -> Vec<ConfigError> {
            let blank = all.iter().enumerate().filter(|(_, text)| card::normal(text).is_empty());
            blank
                .map(|(n, _)| {
                    ConfigError::at(format!("/{list}/{n}"), "a name without a letter matches nothing")
                })
                .collect()
        };
        let mut problems = empty("sections", &self.sections);
        problems.extend(empty("tags", &self.tags));
        problems
    }

    fn check(&self, input: &CheckInput) -> Result<Report, CannotJudge> {
        let version = &input.version;
        let mut findings = Findings::new();
        self.check_tags(version, &mut findings);
        if !self.sections.is_empty() || self.min_words > 0 {
            let card = self.find_card(version)?;
            self.check_card(&card, &mut findings);
        }
        Ok(findings.report("the model card has everything that is asked for"))
    }
}

countersign_sdk::check!(ModelCard);

impl ModelCard {
    fn check_tags(&self, version: &ModelVersion, findings: &mut Findings) {
        let has = |key: &str| version.tag(key).is_some_and(|value| !value.trim().is_empty());
        for key in self.tags.iter().filter(|key| !has(key)) {
            let finding = self.finding("tag-missing", format!("the version has no tag `{key}` with a value"));
            findings
                .push(finding.segment(key).remediation(format!("Set the tag `{key}` on the model version.")));
        }
        if let Some(key) = self.owner_tag.as_ref().filter(|key| !has(key)) {
            let finding = self.finding(
                "owner-missing",
                format!("nobody is named as the owner: the tag `{key}` is empty or missing"),
            );
            findings.push(finding.segment(key).remediation(format!(
                "Set the tag `{key}` to the person or team that answers for the model."
            )));
        }
    }

    fn check_card(&self, card: &Card, findings: &mut Findings) {
        if card.words() == 0 {
            let finding =
                self.finding("card-missing", "the version has neither a description nor a model card file");
            findings
                .push(finding.remediation("Write a description, or log a file `README.md` with the model."));
            return;
        }
        for section in &self.sections {
            let (code, what) = match card.section_words(section) {
                None => ("section-missing", "has no section"),
                Some(0) => ("section-empty", "has no text in its section"),
                Some(_) => continue,
            };
            let finding = self.finding(code, format!("the model card {what} `{section}`"));
            findings.push(
                finding
                    .segment(section)
                    .remediation(format!("Add a heading `## {section}` with text under it.")),
            );
        }
        if card.words() < self.min_words as usize {
            let message =
                format!("the model card has {} words, {} are asked for", card.words(), self.min_words);
            findings.push(
                self.finding("too-few-words", message).measured(card.words()).threshold(">=", self.min_words),
            );
        }
    }

    /// The description and the card file together: either may hold what is asked for.
    fn find_card(&self, version: &ModelVersion) -> Result<Card, CannotJudge> {
        let mut text = version.description.clone().unwrap_or_default();
        if let Some(path) = self.card_file(version) {
            text.push_str("\n\n");
            text.push_str(&card::read(&path)?);
        } else {
            // Without the list of files nobody knows whether there is a card.
            version.require(&["artifacts"])?;
        }
        Ok(Card::parse(&text))
    }

    fn card_file(&self, version: &ModelVersion) -> Option<String> {
        let listed = |name: &str| {
            version
                .files
                .iter()
                .map(|f| &f.path)
                .find(|p| p.rsplit('/').next() == Some(name) || p.as_str() == name)
        };
        match &self.files {
            Some(files) => files.iter().find_map(|name| listed(name).cloned()),
            None => USUAL_FILES.iter().find_map(|name| listed(name).cloned()),
        }
    }

    fn finding(&self, code: &str, message: impl Into<String>) -> Finding {
        Finding::new(if self.warn_only { Severity::Warning } else { Severity::Error }, code, message)
    }
}

#[cfg(test)]
mod tests {
    use countersign_sdk::testing;

    #[test]
    fn cases() -> Result<(), testing::Failures> {
        testing::check_cases::<super::ModelCard>("cases")
    }
}
