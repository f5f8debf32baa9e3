//! What one person may do with a request: the same rules by which the server takes what they send, so that a button
//! that is not there is also refused.

use countersign_core::break_glass::{BreakGlass, StaysWhole};
use countersign_core::names::{PluginName, Seat};
use countersign_core::request::{PromotionRequest, Renewal, State};
use countersign_core::review::{Authors, Barred, may_fill};
use countersign_core::waiver::{CannotWaive, Waiver};
use serde::Serialize;

use super::App;
use super::review::seats_asked;
use super::signature::is_asked_for;
use crate::auth::Identity;

/// Whoever fills this seat may have the policy taken up in their own name.
pub(super) const ADMINISTRATOR: &str = "administrator";

/// What somebody may do, and why not the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rights {
    /// The seats in which they may vote.
    pub seats: Vec<Seat>,
    /// Why they may not, where there is none; a sentence to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// What they must do before they vote; a sentence to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// Checks whose findings count as read only when they open them.
    pub unread: Vec<PluginName>,
    /// A signature takes more than a session.
    pub proof: bool,
    pub comment: bool,
    pub withdraw: bool,
    /// Have Countersign make the write.
    pub apply: bool,
    /// Make the write themselves: it is approved, and the same call succeeds.
    pub call: bool,
    /// Have it judged again, or asked for again.
    pub renew: bool,
}

/// What somebody may do with a waiver or an emergency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordRights {
    /// Why they may not approve or review it, where they may not; a sentence to them.
    pub why_not: Option<String>,
    /// End it early.
    pub end: bool,
}

impl App {
    /// Whether somebody may load the policy in their name, by the policy in force.
    #[must_use]
    pub fn is_administrator(&self, me: &Identity) -> bool {
        let seats = self.people.seats_of(&self.generation.load().policy, me, self.clock.now());
        !me.machine && seats.iter().any(|seat| seat.as_str() == ADMINISTRATOR)
    }

    #[must_use]
    pub fn rights(&self, me: Option<&Identity>, request: &PromotionRequest) -> Rights {
        let Some(me) = me else {
            return Rights {
                why_not: Some("Sign in to act on this request.".to_owned()),
                ..Rights::default()
            };
        };
        let (live, applying) = (request.state.is_live(), matches!(request.state, State::Applying { .. }));
        if !live {
            let why_not =
                format!("This request is {}: there is nothing left to decide.", request.state.as_str());
            let renew = request.renewal(self.clock.now()) == Some(Renewal::Again);
            return Rights { why_not: Some(why_not), renew, comment: true, ..Rights::default() };
        }
        let approved = matches!(request.state, State::Approved { .. });
        let applies =
            approved && Self::applies(&request.placed) && request.gates.iter().any(|gate| gate.applies);
        let (seats, why_not) = self.seats_to_sign_in(me, request);
        let not_yet = request.may_vote(&me.person, self.clock.now()).err();
        Rights {
            first: not_yet.filter(|_| !seats.is_empty()).map(|not_yet| sentence(&not_yet.to_string())),
            seats,
            why_not,
            unread: request.unread_by(&me.person),
            proof: is_asked_for(&self.generation.load().policy, request),
            comment: true,
            withdraw: !applying && request.authors.requester.as_ref() == Some(&me.person),
            apply: applies && self.may_apply(me, request),
            call: approved && !applies,
            renew: !applying && request.flags.stale,
        }
    }

    /// Of a waiver for one version it does not know whose work that is: the server asks when somebody approves it.
    #[must_use]
    pub fn waiver_rights(&self, me: Option<&Identity>, waiver: &Waiver) -> WordRights {
        let Some(me) = me else { return WordRights::of_nobody() };
        let (generation, roster) = self.in_force();
        let rule = generation.policy.waivers();
        let why_not = match waiver.may_be_approved(&me.person, rule, &roster, &Authors::default()) {
            _ if waiver.approvals.iter().any(|word| word.by == me.person) => {
                "You have approved it.".to_owned()
            }
            Ok(()) => String::new(),
            Err(CannotWaive::Own) => "You cannot approve it: you asked for it, or own it.".to_owned(),
            Err(CannotWaive::Barred { seat, why }) => {
                format!("You cannot approve it in seat {seat}: {}.", to_their_face(why))
            }
            Err(other) => sentence(&other.to_string()),
        };
        let end = waiver.may_be_revoked(&me.person, rule, &roster);
        WordRights { why_not: Some(why_not).filter(|why| !why.is_empty()), end }
    }

    #[must_use]
    pub fn glass_rights(&self, me: Option<&Identity>, used: &BreakGlass) -> WordRights {
        let Some(me) = me else { return WordRights::of_nobody() };
        let (generation, roster) = self.in_force();
        let why_not = match used.may_be_reviewed(&me.person, generation.policy.break_glass(), &roster) {
            Ok(()) => None,
            Err(StaysWhole::Own) => Some("You cannot review it: you broke the glass.".to_owned()),
            Err(StaysWhole::Barred { seat, why }) => {
                Some(format!("You cannot review it in seat {seat}: {}.", to_their_face(why)))
            }
            Err(other) => Some(sentence(&other.to_string())),
        };
        WordRights { why_not, end: false }
    }

    /// Where they may sign; where nowhere, why.
    fn seats_to_sign_in(&self, me: &Identity, request: &PromotionRequest) -> (Vec<Seat>, Option<String>) {
        let (_, roster) = self.in_force();
        let (mut seats, mut barred) = (Vec::new(), Vec::new());
        for seat in seats_asked(request) {
            match may_fill(&me.person, &seat, &roster, &request.authors) {
                Ok(()) => seats.push(seat),
                Err(reason) => barred.push((seat, reason)),
            }
        }
        // Their own work says more than that they are in another seat.
        let why = barred.into_iter().max_by_key(|(_, reason)| *reason != Barred::NotAMember);
        let why_not = seats.is_empty().then(|| match why {
            Some((seat, reason)) => format!("You cannot sign in seat {seat}: {}.", to_their_face(reason)),
            None => "No signature is asked for: the checks alone decide.".to_owned(),
        });
        (seats, why_not)
    }
}

impl WordRights {
    fn of_nobody() -> Self {
        Self { why_not: Some("Sign in to act on it.".to_owned()), end: false }
    }
}

/// The reason as the one hears it whom it bars.
const fn to_their_face(barred: Barred) -> &'static str {
    match barred {
        Barred::Requester => "you asked for this promotion",
        Barred::Creator => "you registered this version",
        Barred::RunAuthor => "you are named as the author of its run",
        Barred::LastWriter => "you last changed what is reviewed",
        Barred::Waiver => "you asked for, or own, a waiver that it rests on",
        Barred::Delegator => "whoever you stand in for could not sign it either",
        Barred::Machine => "a machine fills no seat",
        Barred::NotAMember => "you are not a member of it",
        Barred::OtherSeat => "you fill another seat of this request",
    }
}

fn sentence(phrase: &str) -> String {
    let mut chars = phrase.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}
