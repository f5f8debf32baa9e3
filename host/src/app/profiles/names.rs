//! Whose name is whose, as it was last looked up: a governed write asks for the same few names again and again, and
//! each answer takes a scan of the store.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use countersign_core::names::PersonId;

/// More names than this are forgotten all at once.
const MAX_NAMES: usize = 1_024;

/// Answers that hold for one state of the news.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    news: u64,
    names: HashMap<String, Option<PersonId>>,
}

impl Names {
    /// What was found since the news were last others. `news` was read before `look_up` reads anything.
    ///
    /// # Errors
    /// Those of `look_up`.
    pub(super) fn get_or<E>(
        &self,
        news: u64,
        name: &str,
        look_up: impl FnOnce() -> Result<Option<PersonId>, E>,
    ) -> Result<Option<PersonId>, E> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(person) = known().at(news, name) {
            return Ok(person);
        }
        let found = look_up()?;
        known().keep(news, name, found.clone());
        Ok(found)
    }
}

impl Known {
    fn at(&self, news: u64, name: &str) -> Option<Option<PersonId>> {
        self.names.get(name).filter(|_| self.news == news).cloned()
    }

    /// What somebody found who read the count before others did is not kept.
    fn keep(&mut self, news: u64, name: &str, found: Option<PersonId>) {
        if self.news < news || self.names.len() >= MAX_NAMES {
            self.names.clear();
        }
        self.news = self.news.max(news);
        if self.news == news {
            self.names.insert(name.to_owned(), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &Names, news: u64, in_store: &str, expect: &str) {
        let found = names.get_or(news, "ana", || Ok::<_, ()>(Some(in_store.into())));
        assert_eq!(found, Ok(Some(expect.into())), "{news}");
    }

    #[test]
    fn an_answer_holds_until_there_are_news() {
        let names = Names::default();
        assert_eq!(names.get_or(0, "ana", || Err("unreadable")), Err("unreadable"));
        check(&names, 0, "a", "a");
        check(&names, 0, "b", "a");
        check(&names, 2, "b", "b");
        // Somebody who read the count earlier and is late.
        check(&names, 1, "a", "a");
        check(&names, 2, "c", "b");
    }
}
