//! `request` and `waiver`: what is asked of a running server.

use clap::{Args, Subcommand};
use countersign_core::request::RequestId;

use super::Remote;

#[derive(Debug, Args)]
pub struct Request {
    #[command(flatten)]
    pub remote: Remote,
    #[command(subcommand)]
    pub command: RequestCommand,
}

#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    /// Promotion requests, newest first.
    #[command(
        after_help = "Examples:\n  countersign request list --state in-review\n  countersign request list model:credit* state:open seat:risk by:ana"
    )]
    List {
        /// Only what these words ask for, as in the inbox: model:, alias:, stage:, tier:, state:, seat:, by:, check:.
        words: Vec<String>,
        /// Only requests in this state.
        #[arg(long, value_parser = ["open", "in-review", "approved", "applying", "applied", "expired", "suspended", "revoked", "lapsed", "rejected", "withdrawn", "superseded"])]
        state: Option<String>,
    },
    /// Who must act next, the checks, the reviews, and the digest that a signature would cover.
    #[command(after_help = "Example:\n  countersign request show 0198…")]
    Show { id: RequestId },
    /// What has changed since somebody last approved it, fact by fact.
    #[command(after_help = "Example:\n  countersign request difference 0198…")]
    Difference { id: RequestId },
    /// Signs in a seat, for exactly what `show` shows.
    #[command(
        after_help = "Example:\n  countersign request approve 0198… --seat risk --rationale 'meets the bar'"
    )]
    Approve(Vote),
    /// Says no in a seat: final for what was reviewed.
    #[command(after_help = "Example:\n  countersign request reject 0198… --rationale 'no data sheet'")]
    Reject(Vote),
    /// Says neither yes nor no, so that nobody waits for you.
    #[command(after_help = "Example:\n  countersign request abstain 0198… --rationale 'not my field'")]
    Abstain(Vote),
    /// Opens what a check found, and has it recorded that you did: some votes wait for that.
    #[command(after_help = "Example:\n  countersign request open-evidence 0198… metric-threshold")]
    OpenEvidence { id: RequestId, plugin: String },
    /// Says something about a request, or about what one of its checks found.
    #[command(
        after_help = "Example:\n  countersign request comment 0198… 'which holdout is this?' --about metric-threshold"
    )]
    Comment(Talk),
    /// What was said about a request.
    #[command(after_help = "Example:\n  countersign request comments 0198…")]
    Comments { id: RequestId },
    /// Settles a thread: whoever began it, or somebody who could sign.
    #[command(after_help = "Example:\n  countersign request resolve 0198… 0199…")]
    Resolve {
        id: RequestId,
        /// The comment that began the thread.
        comment: uuid::Uuid,
        /// Opens it again.
        #[arg(long)]
        reopen: bool,
    },
    /// Judges a request again, by what is there now. One whose time is over gets another that links to it.
    #[command(after_help = "Example:\n  countersign request renew 0198…")]
    Renew { id: RequestId },
    /// Has Countersign make the change of an approved request.
    #[command(after_help = "Example:\n  countersign request apply 0198…")]
    Apply { id: RequestId },
    /// Opens the gate of one request in an emergency, for a short time.
    #[command(
        after_help = "Example:\n  countersign request break-glass 0198… --reason 'scores are all zero' --ticket INC-7"
    )]
    BreakGlass {
        id: RequestId,
        /// What is broken.
        #[arg(long)]
        reason: String,
        /// Where it is tracked.
        #[arg(long)]
        ticket: String,
        /// Records a drill and opens nothing.
        #[arg(long)]
        drill: bool,
    },
    /// Looks at what somebody else did in an emergency; the next one waits for that.
    #[command(
        after_help = "Example:\n  countersign request review-break-glass 0198… --rationale 'it was one'"
    )]
    ReviewBreakGlass {
        /// The id that `break-glass` printed.
        id: uuid::Uuid,
        #[arg(long)]
        rationale: String,
    },
    /// Says that you have seen an emergency that passed your seat over.
    #[command(after_help = "Example:\n  countersign request acknowledge-break-glass 0198…")]
    AcknowledgeBreakGlass {
        /// Its id, as `request list` and the inbox show it.
        id: uuid::Uuid,
    },
    /// Says that an approval is not to be relied on until somebody resumes or revokes it.
    #[command(
        after_help = "Example:\n  countersign request suspend 0198… --reason 'scores are all zero since noon'"
    )]
    Suspend(Reason),
    /// Says that a suspended approval stands again.
    #[command(after_help = "Example:\n  countersign request resume 0198… --reason 'the table is repaired'")]
    Resume(Reason),
    /// Takes an approval back for good; its alias goes to the fallback of its gate, if there is one.
    #[command(
        after_help = "Example:\n  countersign request revoke 0198… --reason 'the data was not licensed'"
    )]
    Revoke(Reason),
    /// Says what a sampled review after the fact found; an objection suspends the approval.
    #[command(
        after_help = "Example:\n  countersign request review-sample 0198… confirm --rationale 'the holdout holds'"
    )]
    ReviewSample {
        id: RequestId,
        #[arg(value_parser = ["confirm", "object"])]
        word: String,
        #[arg(long)]
        rationale: String,
    },
    /// Takes back a request of your own.
    #[command(after_help = "Example:\n  countersign request withdraw 0198…")]
    Withdraw { id: RequestId },
}

#[derive(Debug, Args)]
pub struct Reason {
    pub id: RequestId,
    /// Why, in a sentence.
    #[arg(long)]
    pub reason: String,
}

#[derive(Debug, Args)]
pub struct Waiver {
    #[command(flatten)]
    pub remote: Remote,
    #[command(subcommand)]
    pub command: WaiverCommand,
}

#[derive(Debug, Subcommand)]
pub enum WaiverCommand {
    /// Every waiver, those that have ended included.
    List,
    /// Asks for one requirement to be left out, for a time; it counts once its seat has approved it.
    #[command(
        after_help = "Example:\n  countersign waiver ask credit --gate production --check fairness --lasts 14d --reason '…'"
    )]
    Ask(NewWaiver),
    /// Lets a waiver count.
    #[command(after_help = "Example:\n  countersign waiver approve 0198… --rationale 'bounded, and watched'")]
    Approve(Word),
    /// Ends a waiver early.
    #[command(after_help = "Example:\n  countersign waiver revoke 0198… --rationale 'the data is there now'")]
    Revoke(Word),
}

#[derive(Debug, Args)]
pub struct NewWaiver {
    pub model: String,
    /// Only for this version.
    #[arg(long)]
    pub version: Option<String>,
    #[arg(long)]
    pub gate: String,
    /// The check to leave out.
    #[arg(long, required_unless_present = "seat", conflicts_with = "seat")]
    pub check: Option<String>,
    /// The seat to leave empty.
    #[arg(long)]
    pub seat: Option<String>,
    /// Why.
    #[arg(long)]
    pub reason: String,
    /// For how long, as in `14d`.
    #[arg(long)]
    pub lasts: String,
    /// The account that answers for it; without it, you.
    #[arg(long)]
    pub owner: Option<String>,
    /// The MLflow workspace of the model.
    #[arg(long, default_value = "default")]
    pub workspace: String,
}

#[derive(Debug, Args)]
pub struct Word {
    pub id: uuid::Uuid,
    /// Why.
    #[arg(long)]
    pub rationale: String,
}

#[derive(Debug, Args)]
pub struct Vote {
    pub id: RequestId,
    /// The seat in which you sign; needed only where you have more than one.
    #[arg(long)]
    pub seat: Option<String>,
    /// Why.
    #[arg(long)]
    pub rationale: String,
    /// The digest that you looked at; without it, the one in force now.
    #[arg(long)]
    pub subject_digest: Option<String>,
    /// Reads your password from standard input, where the tier asks for it again.
    #[arg(long)]
    pub password_stdin: bool,
}

#[derive(Debug, Args)]
pub struct Talk {
    pub id: RequestId,
    /// What to say.
    pub text: String,
    /// The check whose findings it is about.
    #[arg(long, value_name = "PLUGIN")]
    pub about: Option<String>,
    /// The comment that it answers.
    #[arg(long, value_name = "COMMENT")]
    pub answers: Option<uuid::Uuid>,
}
