//! `countersign attest`.

use std::path::PathBuf;

use clap::Args;

use super::Replayed;

#[derive(Debug, Args)]
#[command(
    after_help = "Each line is a DSSE envelope around an in-toto Statement v1, signed with the ledger's key:
  https://in-toto.io/attestation/test-result/v0.1                what the checks found, where any ran
  https://in-toto.io/attestation/svr/v0.1                        what was verified
  https://countersign.dev/attestation/model-approval/v0.1        who approved it, and where the ledger says so

Examples:
  countersign attest 0198c2d4-…
  countersign attest 47                                a write that nobody had to sign
  countersign attest 0198c2d4-… -o credit-7.intoto.jsonl
  countersign attest 0198c2d4-… | tail -n 1 | jq -r .payload | base64 -d | jq"
)]
pub struct Attest {
    /// A promotion request, or the index of an `intent` ledger entry: where a tier asks nobody, no request opens.
    #[arg(value_name = "REQUEST|INDEX")]
    pub what: Replayed,
    /// Standard output without it.
    #[arg(short, long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
}
