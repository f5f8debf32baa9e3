//! What a reader must not take for shown: in plain words, and only what is so.

use super::Audit;
use crate::entry::Entry;
use crate::held::Account;

pub(super) fn of(audit: &Audit, account: &Account) -> Vec<String> {
    let mut gaps = Vec::new();
    let verified = &audit.verified;
    let mut say = |count: usize, text: &dyn Fn(&str) -> String| {
        if count > 0 {
            gaps.push(text(&times(count)));
        }
    };
    say(verified.breaches.len(), &|n| {
        format!(
            "The entries prove {n} that a write was made which its signatures do not cover: see Separation of duties."
        )
    });
    say(verified.exceptions.bypasses.len(), &|n| {
        format!("A governed name was found moved {n} without a permit. Nobody approved what it held then.")
    });
    let open = verified.exceptions.break_glass.iter().filter(|used| !used.drill && used.reviewed.is_none());
    say(open.count(), &|n| format!("An emergency was not reviewed by anybody {n}."));
    let would = usize::try_from(verified.exceptions.would_refuse).unwrap_or(usize::MAX);
    say(would, &|n| format!("A gate that only monitors would not have let a write pass {n}; it passed."));
    let unproven = verified.decisions.iter().filter(|decision| !decision.behind.unproven.is_empty());
    say(unproven.count(), &|n| {
        format!(
            "{n} a decision rests on work whose author nobody recorded: see what could not be proved there."
        )
    });
    let unread = verified.decisions.iter().flat_map(|decision| &decision.findings);
    say(unread.filter(|found| found.summary.is_none()).count(), &|n| {
        format!(
            "{n} what a check found is not at hand: the ledger has its digest and conclusion, not its text."
        )
    });
    let unknown = verified.versions.iter().filter(|version| version.registered.is_none());
    say(unknown.count(), &|n| {
        format!(
            "{n} a version was registered without Countersign seeing who did: it was there before, or came round it."
        )
    });
    let live = verified.held.iter().filter(|held| held.until.is_none() && !held.in_force);
    for held in live {
        let (name, standing) = (held.name.words(), held.standing.words().to_lowercase());
        gaps.push(format!(
            "{} version {} stands now, and no decision in force is behind it: {standing}.",
            name, held.version
        ));
    }
    gaps.extend(asserted(audit));
    gaps.extend(earlier(account));
    if verified.decisions.is_empty() {
        gaps.push("No decision about this model is recorded in that time.".to_owned());
    }
    gaps
}

fn asserted(audit: &Audit) -> Option<String> {
    let of_version = |version| audit.asserted.iter().any(|asserted| asserted.version == version);
    let lacking = audit.verified.versions.iter().filter(|version| !of_version(version.version)).count();
    (lacking > 0).then(|| {
        format!("{} nothing is at hand of what clients wrote about a version: no request was opened for it, or its facts are not kept here.", capital(&times(lacking)))
    })
}

/// A model that was renamed has an earlier life under another name.
fn earlier(account: &Account) -> Option<String> {
    account.entries().iter().find_map(|told| match &told.entry {
        Entry::Intent(intent) => match &intent.placed.action {
            crate::action::Action::RenameModel { model, new_name } if *new_name == account.model => {
                Some(format!("The model was called {model} before entry {}: what was decided then is in that model's document.", told.index))
            }
            _ => None,
        },
        _ => None,
    })
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
