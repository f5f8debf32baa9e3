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

#[cfg(test)]
mod tests {
    use ring::signature::Ed25519KeyPair;
    use serde_json::json;

    use super::*;
    use crate::ledger::SigningKey;

    const TYPE: &str = "application/vnd.in-toto+json";

    fn envelope(seed: [u8; 32], payload: &str) -> String {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let sig = STANDARD.encode(pair.sign(&encoded(TYPE, payload.as_bytes())));
        let signatures = json!([{"keyid": "ledger.example", "sig": sig}]);
        json!({"payload": STANDARD.encode(payload), "payloadType": TYPE, "signatures": signatures})
            .to_string()
    }

    fn check_says(text: &str, expect: Result<&str, &str>) {
        let key = SigningKey::from_seed("ledger.example", [7; 32]).unwrap();
        match (check(text, key.verifier()), expect) {
            (Ok(says), Ok(expect)) => assert_eq!(says, expect),
            (Err(error), Err(words)) => assert!(error.contains(words), "{error}"),
            (got, expect) => panic!("{got:?} instead of {expect:?}"),
        }
    }

    /// The example of the DSSE protocol.
    #[test]
    fn what_is_signed_is_encoded_as_the_protocol_says() {
        let expect = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(encoded("http://example.com/HelloWorld", b"hello world"), expect);
    }

    #[test]
    fn a_statement_is_signed_by_the_ledgers_key() {
        let good = envelope([7; 32], r#"{"predicateType":"https://in-toto.io/attestation/svr/v0.1"}"#);
        check_says(&good, Ok("https://in-toto.io/attestation/svr/v0.1"));
        check_says(&envelope([7; 32], "{}"), Ok(TYPE));
        check_says(&envelope([8; 32], "{}"), Err("does not fit"));
        check_says(&good.replace(TYPE, "text/plain"), Err("does not fit"));
        check_says(&envelope([7; 32], "words"), Err("not JSON"));
        check_says("{}", Err("no DSSE envelope"));
    }
}
