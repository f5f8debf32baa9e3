//! `countersign attest`: a decision as in-toto statements, at rest from the store, else from the server that has it
//! open.

use std::sync::Arc;

use anyhow::Result;
use countersign_core::canonical;

use super::args::Attest as Command;
use super::context::Context;
use super::ledger::Aside;
use super::machinery::runtime;
use super::operator::Operator;
use super::place::{self, Found};
use crate::app::{Attestation, attestations};

pub(super) fn run(context: &Context, command: Command) -> Result<()> {
    let (config, id) = (context.config()?, command.request);
    let envelopes: Vec<Attestation> = match place::find_store(&config)? {
        Found::AtRest(store) => runtime()?.block_on(async {
            let ledger = place::ledger(&config, Arc::clone(&store)).await?;
            Ok::<_, anyhow::Error>(attestations(&*store, &ledger, id).await?)
        })?,
        Found::Served => {
            let operator = Operator::new(&config)?;
            let id = id.to_string();
            runtime()?.block_on(operator.get("/operator/attestations", &[("request", &id)]))?
        }
    };
    let mut aside = Aside::open(command.out)?;
    for envelope in envelopes {
        writeln!(aside.out, "{}", canonical::to_string(&envelope)?)?;
    }
    aside.keep()
}
