//! Preparing a delegation. It counts once it is in the policy file: who may sign is not changed by a page.

use countersign_core::policy::Policy;

use super::{App, AppError};

/// A `[[delegation]]` as it was typed.
#[derive(Debug, Clone, Default)]
pub struct NewDelegation {
    pub from: String,
    pub to: String,
    pub seat: String,
    pub starts: String,
    pub ends: String,
}

impl NewDelegation {
    fn toml(&self) -> String {
        let quoted = |text: &str| toml::Value::from(text.trim()).to_string();
        let Self { from, to, seat, starts, ends } = self;
        let lines = [("from", from), ("to", to), ("seat", seat), ("starts", starts), ("ends", ends)];
        let lines: String = lines.map(|(key, value)| format!("{key} = {}\n", quoted(value))).concat();
        format!("[[delegation]]\n{lines}")
    }
}

impl App {
    /// The table to add to the policy, once the whole has been read with it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn prepare_delegation(&self, new: &NewDelegation) -> Result<String, AppError> {
        let file = self.generation.load().file.clone();
        let name = file.display().to_string();
        let unread = |error| AppError::Invalid(format!("`{name}` cannot be read: {error}"));
        let text = std::fs::read_to_string(&file).map_err(unread)?;
        for (what, who) in [("stands in", &new.to), ("is stood in for", &new.from)] {
            if self.people.person_of(who.trim()).is_none() {
                let says =
                    format!("nobody here is called `{}`: name the account of whoever {what}", who.trim());
                return Err(AppError::Invalid(says));
            }
        }
        let table = new.toml();
        match Policy::parse(&name, &format!("{text}\n{table}")) {
            Ok(_) => Ok(table),
            Err(wrong) => {
                let faults: Vec<&str> = wrong.faults.iter().map(|fault| fault.message.as_str()).collect();
                Err(AppError::Invalid(faults.join("; ")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[tokio::test]
    async fn what_is_prepared_can_be_pasted() {
        let policy = "[[seat]]\nname = \"risk\"\nmembers = [\"ruth\"]\n";
        let (app, _clock, _files) = testing::app_with(policy, "http://127.0.0.1:9", &["ruth", "dora"]).await;
        let check = |[from, to, seat, ends]: [&str; 4], expect: Result<(), &str>| {
            let [from, to, seat, ends] = [from, to, seat, ends].map(str::to_owned);
            let new = NewDelegation { from, to, seat, starts: "2026-12-01".to_owned(), ends };
            match (app.prepare_delegation(&new), expect) {
                (Ok(table), Ok(())) => assert!(Policy::parse("p", &format!("{policy}{table}")).is_ok()),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (got, expect) => panic!("{got:?} instead of {expect:?}"),
            }
        };
        check(["ruth", "dora", "risk", "2026-12-15"], Ok(()));
        check(["ruth", "omar", "risk", "2026-12-15"], Err("nobody here is called `omar`"));
        check(["ruth", "dora", "legal", "2026-12-15"], Err("legal"));
        check(["ruth", "ruth", "risk", "2026-12-15"], Err("nobody stands in for themselves"));
        check(["ruth", "dora", "risk", "2026-11-15"], Err("ends after it starts"));
        check(["ruth", "dora", "risk", "x\"\n"], Err("`ends`"));
    }
}
