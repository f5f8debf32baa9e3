//! `countersign attest`: a decision as in-toto statements, at rest from the store, else from the server that has it
//! open.

use std::sync::Arc;

use anyhow::Result;
use countersign_core::canonical;

use super::args::{Attest as Command, Replayed};
use super::context::Context;
use super::ledger::Aside;
use super::machinery::runtime;
use super::operator::Operator;
use super::place::{self, Found};
use crate::app::{Attestable, Attestation, attestations};

pub(super) fn run(context: &Context, command: Command) -> Result<()> {
    let (config, what) = (context.config()?, command.what);
    let envelopes: Vec<Attestation> = match place::find_store(&config)? {
        Found::AtRest(store) => runtime()?.block_on(async {
            let ledger = place::ledger(&config, Arc::clone(&store)).await?;
            Ok::<_, anyhow::Error>(attestations(&*store, &ledger, subject(what)).await?)
        })?,
        Found::Served => {
            let operator = Operator::new(&config)?;
            let (key, value) = match what {
                Replayed::Entry(index) => ("entry", index.to_string()),
                Replayed::Request(id) => ("request", id.to_string()),
            };
            runtime()?.block_on(operator.get("/operator/attestations", &[(key, &value)]))?
        }
    };
    let mut aside = Aside::open(command.out)?;
    for envelope in envelopes {
        writeln!(aside.out, "{}", canonical::to_string(&envelope)?)?;
    }
    aside.keep()
}

const fn subject(what: Replayed) -> Attestable {
    match what {
        Replayed::Entry(index) => Attestable::Entry(index),
        Replayed::Request(id) => Attestable::Request(id),
    }
}
