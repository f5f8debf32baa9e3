use std::collections::BTreeSet;
use std::path::Path;

use countersign_sdk::testing::{self, Failures};
use countersign_sdk::{Conclusion, Report};
use proptest::prelude::*;

use crate::ArtifactSafety;

#[test]
fn cases() -> Result<(), Failures> {
    testing::check_cases::<ArtifactSafety>("cases")
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("fixtures").join(name)).unwrap()
}

fn looked_at(path: &str, bytes: Vec<u8>, config: &str) -> Report {
    testing::version("m", "1").artifact(path, bytes).config(config).check::<ArtifactSafety>().unwrap()
}

fn codes(report: &Report) -> BTreeSet<&str> {
    report.findings.iter().map(|f| f.code.as_str()).collect()
}

#[track_caller]
fn check(name: &str, expect: &[&str]) {
    let report = looked_at(name, fixture(name), r#"{"unknown":"fail"}"#);
    assert_eq!(codes(&report), expect.iter().copied().collect(), "{name}: {report:?}");
}

#[test]
fn dangerous_pickles_of_every_protocol_and_way() {
    for protocol in 0..6 {
        check(&format!("evil-{protocol}.pkl"), &["dangerous-global"]);
    }
    for name in [
        "nested-evil-4.pkl",
        "two-in-a-row.pkl",
        "inst-0.pkl",
        "obj-1.pkl",
        "memo-4.pkl",
        "memo-twice-4.pkl",
        "bad.pt",
        "bad-deflated.pt",
        "renamed-member.bin",
        "nested.zip",
        "evil.npy",
        "evil.npz",
        "evil-deflated.npz",
        "evil.joblib",
        "evil-gz.joblib",
        "legacy-bad.pt",
        "types.skops",
    ] {
        check(name, &["dangerous-global"]);
    }
    check("hidden.joblib", &["dangerous-global"]);
    check("evil-then-broken.pkl", &["dangerous-global", "unreadable"]);
    check("escaped-0.pkl", &["unresolved-global"]);
    check("ext-2.pkl", &["unresolved-global"]);
    check("lambda.keras", &["keras-lambda"]);
}

#[test]
fn what_real_libraries_write_passes() {
    for protocol in 0..6 {
        check(&format!("plain-{protocol}.pkl"), &[]);
    }
    for name in [
        "sklearn-2.pkl",
        "sklearn-4.pkl",
        "sklearn-5.pkl",
        "forest.joblib",
        "forest-z.joblib",
        "arrays.joblib",
        "numbers.npy",
        "objects.npy",
        "good.pt",
        "legacy.pt",
        "good.safetensors",
    ] {
        check(name, &[]);
    }
}

#[test]
fn damaged_files() {
    check("truncated-4.pkl", &["unreadable"]);
    for name in ["hole", "short", "shape", "long-header", "not-json"] {
        check(&format!("{name}.safetensors"), &["safetensors-invalid"]);
    }
}

#[test]
fn a_pickle_is_found_under_any_name() {
    for name in ["weights.bin", "notes.txt", "model", "image.png", "x.safetensors.bak"] {
        for protocol in [0, 2, 4] {
            let report = looked_at(name, fixture(&format!("evil-{protocol}.pkl")), "{}");
            assert_eq!(codes(&report), ["dangerous-global"].into(), "{name}, protocol {protocol}");
        }
    }
}

#[test]
fn what_is_no_pickle_is_no_finding() {
    for (name, bytes) in [
        ("README.md", &b"# A model\n(with brackets)\n"[..]),
        ("weights.bin", &[0, 0, 128, 63, 0, 0, 0, 64]),
        ("MLmodel", b"artifact_path: model\nflavors:\n  sklearn: {}\n"),
        ("conda.yaml", b"channels:\n- conda-forge\n"),
        ("empty.bin", b""),
    ] {
        let report = looked_at(name, bytes.to_vec(), "{}");
        assert_eq!(report.conclusion, Conclusion::Pass, "{name}: {report:?}");
    }
}

#[test]
fn the_gate_decides_about_unknown_and_unreadable() {
    let unknown = b"cmymodels\nNet\n.".to_vec();
    let conclusion = |bytes: &[u8], config: &str| looked_at("m.pkl", bytes.to_vec(), config).conclusion;
    assert_eq!(conclusion(&unknown, "{}"), Conclusion::Warn);
    assert_eq!(conclusion(&unknown, r#"{"unknown":"fail"}"#), Conclusion::Fail);
    assert_eq!(conclusion(&unknown, r#"{"unknown":"allow"}"#), Conclusion::Pass);
    assert_eq!(conclusion(&unknown, r#"{"allow":["mymodels.*"]}"#), Conclusion::Pass);
    assert_eq!(conclusion(&unknown, r#"{"deny":["mymodels.Net"],"allow":["mymodels.*"]}"#), Conclusion::Fail);
    assert_eq!(conclusion(b"garbage", "{}"), Conclusion::Fail);
    assert_eq!(conclusion(b"garbage", r#"{"on_unreadable":"warn"}"#), Conclusion::Warn);
}

#[test]
fn lengths_are_never_trusted() {
    let claims = |opcode: u8, width: usize| [&[0x80, 4, opcode][..], &vec![0xff; width]].concat();
    for (opcode, width) in
        [(0x8e, 8), (0x8d, 8), (0x96, 8), (b'B', 4), (b'X', 4), (b'T', 4), (0x8b, 4), (b'r', 4), (b'j', 4)]
    {
        let report = looked_at("m.pkl", claims(opcode, width), "{}");
        assert_eq!(codes(&report), ["unreadable"].into(), "0x{opcode:02x}");
    }
    let deep = [vec![0x80, 4], vec![b'('; 3 << 20]].concat();
    assert_eq!(codes(&looked_at("m.pkl", deep, "{}")), ["unreadable"].into());
}

#[test]
fn payloads_are_passed_over_without_being_read() {
    let length = 64_u64 << 20;
    let mut bytes = [&[0x80, 4, 0x8e][..], &length.to_le_bytes()].concat();
    bytes.resize(bytes.len() + usize::try_from(length).unwrap(), b'c');
    bytes.extend_from_slice(&fixture("evil-4.pkl")[2..]);
    assert_eq!(codes(&looked_at("m.pkl", bytes, "{}")), ["dangerous-global"].into());
}

fn all_fixtures() -> Vec<(String, Vec<u8>)> {
    let entries =
        std::fs::read_dir("fixtures").unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    entries.filter(|name| name != "make.py").map(|name| (name.clone(), fixture(&name))).collect()
}

#[test]
fn every_beginning_of_every_fixture_is_survived() {
    for (name, bytes) in all_fixtures() {
        for end in 0..bytes.len().min(1500) {
            looked_at(&name, bytes[..end].to_vec(), "{}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600), name in "[a-z]{1,3}\\.(pkl|pt|npy|npz|safetensors|keras|joblib|h5)") {
        looked_at(&name, bytes, "{}");
    }

    #[test]
    fn opcodes_in_any_order_are_survived(ops in proptest::collection::vec(proptest::sample::select(
        &b"(.012FIJKLMNPQRSTUVXabcd}eghijloprstu]G)\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98BC\n\x00\x01\x02"[..]
    ), 0..400)) {
        looked_at("m.pkl", ops, "{}");
    }

    #[test]
    fn damage_never_hides_the_import_before_it(at in 0_usize..40, byte: u8) {
        let mut bytes = fixture("evil-4.pkl");
        let import = bytes.iter().position(|b| *b == 0x93).unwrap();
        let at = import + 1 + at % (bytes.len() - import - 1);
        bytes[at] = byte;
        let report = looked_at("m.pkl", bytes, "{}");
        prop_assert!(codes(&report).contains("dangerous-global"));
    }

    #[test]
    fn one_changed_byte_is_survived(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte: u8) {
        let all = all_fixtures();
        let (name, mut bytes) = all[which.index(all.len())].clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        looked_at(&name, bytes, "{}");
    }
}
