//! A statement that travels in the file: a DSSE envelope (github.com/secure-systems-lab/dsse, v1) by the ledger's key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use crate::ledger::VerifierKey;

#[derive(Deserialize)]
struct Envelope {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    sig: String,
}

/// Checks that the key signed it. Gives the type of what it says.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(envelope: &str, key: &VerifierKey) -> Result<String, String> {
    let envelope: Envelope =
        serde_json::from_str(envelope).map_err(|error| format!("it is no DSSE envelope: {error}"))?;
    let not_base64 = |_| "it is no DSSE envelope: a part of it is not base64".to_owned();
    let payload = STANDARD.decode(&envelope.payload).map_err(not_base64)?;
    let signed = encoded(&envelope.payload_type, &payload);
    let fits =
        |signature: &Signature| STANDARD.decode(&signature.sig).is_ok_and(|sig| key.verifies(&signed, &sig));
    if !envelope.signatures.iter().any(fits) {
        return Err(format!("its signature by `{}` does not fit", key.name()));
    }
    let says: Value =
        serde_json::from_slice(&payload).map_err(|error| format!("its payload is not JSON: {error}"))?;
    let says = says.get("predicateType").and_then(Value::as_str);
    Ok(says.map_or(envelope.payload_type, str::to_owned))
}

/// PAE of the DSSE protocol: what is signed.
fn encoded(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}
