use super::*;

/// A version that says something, and a check that reads only its tags.
fn record(reads: Option<&[&str]>) -> CheckRecord {
    let empty = CheckInput::empty().record().clone();
    let tags = std::collections::BTreeMap::from([("owner".to_owned(), "ana".to_owned())]);
    let version = VersionFacts { description: Some("first".to_owned()), tags, ..empty.version };
    let reads = reads.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>());
    CheckRecord { version, reads: reads.map(|names| Reads::try_from(names).unwrap()), ..empty }
}

#[test]
fn an_input_around_written_facts_is_the_same_input() {
    for tier in [None, Some(Tier::new("high"))] {
        for reads in [None, Some(&["tags"][..])] {
            let record = CheckRecord { tier: tier.clone(), now: Millis::new(7), ..record(reads) };
            let version = canonical::to_vec(&record.clone().shown().version).unwrap();
            let around = CheckInput::around(record.clone(), &version).unwrap();
            let written = CheckInput::new(record);
            assert_eq!(around.canonical().unwrap(), written.canonical().unwrap());
            assert_eq!(around.digest().unwrap(), written.digest().unwrap());
            assert_eq!(around.record(), written.record());
        }
    }
}

#[test]
fn what_a_check_does_not_read_is_neither_shown_nor_recorded() {
    let input = CheckInput::new(record(Some(&["tags"])));
    assert_eq!((&input.wit().version.description, input.wit().version.tags.len()), (&None, 1));
    let kept = String::from_utf8(input.canonical().unwrap().to_vec()).unwrap();
    assert!(kept.contains(r#""reads":["tags"]"#) && !kept.contains("first"), "{kept}");
    let again = CheckInput::new(serde_json::from_str(&kept).unwrap());
    assert_eq!(again.digest().unwrap(), input.digest().unwrap());
}

#[test]
fn a_record_of_a_check_that_reads_everything_is_as_it_was() {
    let input = CheckInput::new(record(None));
    assert_eq!(input.wit().version.description.as_deref(), Some("first"));
    assert!(!String::from_utf8(input.canonical().unwrap().to_vec()).unwrap().contains("reads"));
}
