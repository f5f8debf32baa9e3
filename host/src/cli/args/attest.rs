//! `countersign attest`.

use std::path::PathBuf;

use clap::Args;
use countersign_core::request::RequestId;

#[derive(Debug, Args)]
#[command(
    after_help = "Each line is a DSSE envelope around an in-toto Statement v1, signed with the ledger's key:
  https://in-toto.io/attestation/test-result/v0.1                what the checks found, where any ran
  https://in-toto.io/attestation/svr/v0.1                        what was verified
  https://countersign.dev/attestation/model-approval/v0.1        who approved it, and where the ledger says so

Examples:
  countersign attest 0198c2d4-…
  countersign attest 0198c2d4-… -o credit-7.intoto.jsonl
  countersign attest 0198c2d4-… | tail -n 1 | jq -r .payload | base64 -d | jq"
)]
pub struct Attest {
    /// A promotion request.
    #[arg(value_name = "REQUEST")]
    pub request: RequestId,
    /// Standard output without it.
    #[arg(short, long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
}
