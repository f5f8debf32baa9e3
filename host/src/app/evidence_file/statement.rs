//! A statement that travels in the file: one of `countersign_core::attest`, in an envelope that the ledger's key signed.

use countersign_core::attest::PAYLOAD_TYPE;
use serde_json::Value;

use crate::ledger::{Envelope, VerifierKey};

/// Checks that the key signed it. Gives the type of what it says.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(envelope: &str, key: &VerifierKey) -> Result<String, String> {
    let envelope: Envelope =
        serde_json::from_str(envelope).map_err(|error| format!("it is no DSSE envelope: {error}"))?;
    let payload = envelope.open(PAYLOAD_TYPE, key).map_err(|error| error.to_string())?;
    let says: Value =
        serde_json::from_str(&payload).map_err(|error| format!("its payload is not JSON: {error}"))?;
    let says = says.get("predicateType").and_then(Value::as_str);
    says.map(str::to_owned).ok_or_else(|| "its payload is no in-toto statement".to_owned())
}
