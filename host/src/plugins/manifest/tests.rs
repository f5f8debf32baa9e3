use serde_json::json;

use super::*;

const COMPONENT: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
const MODULE: [u8; 8] = [0, b'a', b's', b'm', 1, 0, 0, 0];

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], leb128(content.len()).as_slice(), content].concat()
}

fn custom(name: &str, data: &[u8]) -> Vec<u8> {
    section(0, &[leb128(name.len()).as_slice(), name.as_bytes(), data].concat())
}

fn manifest(name: &str) -> Vec<u8> {
    let json = json!({"format": 1, "name": name, "version": "1.0.0", "description": "d", "kinds": [],
        "config_schema": {}});
    serde_json::to_vec(&json).unwrap()
}

fn check(parts: &[Vec<u8>], expect: Result<&str, &str>) {
    let bytes = [COMPONENT.to_vec(), parts.concat()].concat();
    match (Outline::read(&bytes), expect) {
        (Ok(outline), Ok(name)) => assert_eq!(outline.manifest.name, name),
        (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
        (got, expect) => panic!("{got:?} instead of {expect:?}"),
    }
}

#[test]
fn manifests_of_the_outermost_component() {
    let honest = custom(SECTION, &manifest("honest"));
    check(std::slice::from_ref(&honest), Ok("honest"));
    check(&[], Err("no section"));
    check(&[custom("name", b"x")], Err("no section"));
    check(&[honest.clone(), honest.clone()], Err("more than one"));
    check(&[custom(SECTION, &vec![b' '; MAX_MANIFEST_BYTES + 1])], Err("at most 65536"));
    check(&[custom(SECTION, b"{}")], Err("cannot be read"));
    check(&[custom(SECTION, br#"{"format":2}"#)], Err("format 2"));
    let unexported =
        String::from_utf8(manifest("x")).unwrap().replace("\"kinds\":[]", "\"kinds\":[\"check\"]");
    check(&[custom(SECTION, unexported.as_bytes())], Err("does not export"));
    let reading = |parts: &str| {
        let text = String::from_utf8(manifest("x")).unwrap();
        text.replace("\"kinds\":[]", &format!("\"kinds\":[],\"reads\":[{parts}]"))
    };
    check(&[custom(SECTION, reading("\"metrics\"").as_bytes())], Err("rules see everything"));
}

fn check_outline(imports: &[&str], reads: &str, expect: Result<(), &str>) {
    let json = json!({"format": 1, "name": "x", "version": "1", "description": "d", "kinds": ["check"],
        "config_schema": {}, "reads": serde_json::from_str::<serde_json::Value>(reads).unwrap()});
    let read = serde_json::from_value(json).map_err(|error| error.to_string()).and_then(|manifest| {
        let imports = imports.iter().map(ToString::to_string).collect();
        let outline = Outline { manifest, imports, exports: Vec::new() };
        outline.check_reads().map_err(|error| error.to_string())
    });
    match (read, expect) {
        (Ok(()), Ok(())) => {}
        (Err(error), Err(text)) => assert!(error.contains(text), "{error}"),
        (got, expect) => panic!("{got:?} instead of {expect:?} for {reads}"),
    }
}

#[test]
fn what_is_read_has_a_name_and_files_are_read_by_whoever_opens_them() {
    let artifacts = "countersign:plugin/artifacts@0.1.0";
    check_outline(&[artifacts], r#"["files", "tags.owner"]"#, Ok(()));
    check_outline(&[artifacts], "null", Ok(()));
    check_outline(&["countersign:plugin/registry@0.1.0"], "[]", Ok(()));
    check_outline(&[artifacts], r#"["tags"]"#, Err("lacks `files`"));
    check_outline(
        &[],
        r#"["tag"]"#,
        Err("`tag` in `reads` is no part of a version: write some of `aliases`"),
    );
}

#[test]
fn a_nested_section_does_not_speak_for_the_whole() {
    let forged = custom(SECTION, &manifest("forged"));
    let module = section(1, &[MODULE.to_vec(), forged.clone()].concat());
    let component = section(4, &[COMPONENT.to_vec(), forged].concat());
    check(std::slice::from_ref(&module), Err("no section"));
    check(std::slice::from_ref(&component), Err("no section"));
    check(&[module, component, custom(SECTION, &manifest("honest"))], Ok("honest"));
}

#[test]
fn what_is_embedded_is_read_again() {
    let manifest: Manifest = serde_json::from_slice(&manifest("x")).unwrap();
    let component = embed(&COMPONENT, &manifest).unwrap();
    assert_eq!(Outline::read(&component).unwrap().manifest, manifest);
    assert!(matches!(embed(&component, &manifest), Err(ManifestError::Duplicate)));
}

#[test]
fn what_is_not_a_component_is_refused() {
    assert!(matches!(Outline::read(&MODULE), Err(ManifestError::NotAComponent(None))));
    assert!(matches!(Outline::read(b""), Err(ManifestError::NotAComponent(None))));
    assert!(matches!(Outline::read(&vec![0; MAX_COMPONENT_BYTES + 1]), Err(ManifestError::TooLarge(_))));
}
