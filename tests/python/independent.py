"""Verifies attestations with nothing of Countersign's: `securesystemslib` the envelopes, `in-toto-attestation` the
statements, `model-signing` the digest of a folder.

    python independent.py BUNDLE.jsonl VKEY FOLDER

prints the statements as JSON, or fails. The folder's digest is computed here and must be every statement's subject.
"""

import base64
import copy
import json
import sys

import model_signing
from google.protobuf.json_format import ParseDict
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from model_signing._signing.signing import Payload
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"


def key_of(vkey):
    """C2SP's `name+hash+base64(type ‖ key)` as a key of securesystemslib."""
    name, digest, encoded = vkey.split("+", 2)
    raw = base64.b64decode(encoded)
    assert raw[0] == 1, "not Ed25519"
    return SSlibKey(f"{name}+{digest}", "ed25519", "ed25519", {"public": raw[1:].hex()})


def opened(envelope, key):
    envelope = Envelope.from_dict(copy.deepcopy(envelope))
    assert set(envelope.verify([key], 1)) == {key.keyid}
    assert envelope.payload_type == PAYLOAD_TYPE, envelope.payload_type
    return json.loads(envelope.payload)


def validated(payload):
    statement = Statement.copy_from_pb(ParseDict(payload, statement_pb2.Statement()))
    statement.validate()
    if payload["predicateType"] == TEST_RESULT:
        ParseDict(payload["predicate"], test_result_pb2.TestResult())
    return payload


def refused(envelope, key):
    try:
        opened(envelope, key)
    except VerificationError:
        return
    raise AssertionError(f"was not refused: {envelope}")


def changed(envelope, old, new):
    payload = base64.b64decode(envelope["payload"])
    assert old in payload, payload
    return {**envelope, "payload": base64.b64encode(payload.replace(old, new, 1)).decode()}


def main(bundle, vkey, folder):
    key = key_of(vkey)
    with open(bundle, encoding="utf-8") as lines:
        envelopes = [json.loads(line) for line in lines]
    statements = [validated(opened(envelope, key)) for envelope in envelopes]
    payload = Payload(model_signing.hashing.hash(folder))
    digest = payload.statement.pb.subject[0].digest["sha256"]
    for statement in statements:
        [subject] = statement["subject"]
        assert subject["digest"] == {"sha256": digest}, (subject, digest)
    for envelope in envelopes:
        refused(changed(envelope, digest[:8].encode(), b"00000000"), key)
        refused({**envelope, "payloadType": "application/json"}, key)
    stranger = SSlibKey(key.keyid, "ed25519", "ed25519", {"public": "00" * 32})
    refused(envelopes[0], stranger)
    print(json.dumps(statements))


main(*sys.argv[1:])
