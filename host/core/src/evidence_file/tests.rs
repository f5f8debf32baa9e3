use super::line::{Blob, Missing, PolicyText, Proven, Statement};
use super::read::{Item, Reader};
use super::refer::{Purpose, by_transcript};
use super::write::Seal;
use crate::digest::Digest;

const ID: &str = "01980000-0000-7000-8000-000000000000";

/// A small file, line by line: what vouches for its entries is for others to check.
fn lines() -> Vec<String> {
    let mut seal = Seal::default();
    let header = format!(r#"{{"evidence":1,"request":"{ID}","origin":"l","vkey":"l+00000000+AA=="}}"#);
    let header: super::line::Header = serde_json::from_str(&header).unwrap();
    let mut lines = vec![seal.line(&header).unwrap()];
    lines.push(seal.line(&super::line::Checkpoint { checkpoint: "l\n1\nAA==\n".to_owned() }).unwrap());
    for index in [3, 7] {
        let entry = format!(r#"{{"index":{index},"text":"a \"word\" — \\"}}"#);
        lines.push(seal.line(&Proven { index, entry, path: vec![Digest::of(b"n")] }).unwrap());
    }
    let policy = PolicyText::of(Digest::of(b"p"), "[[tier]] # a remark\n".to_owned());
    lines.push(seal.line(&policy).unwrap());
    let mut blobs: Vec<&[u8]> = vec![b"text", b"\xff\x00\x01", b"control \x07"];
    blobs.sort_by_key(|bytes| Digest::of(bytes));
    for bytes in blobs {
        lines.push(seal.line(&Blob::of(Digest::of(bytes), bytes)).unwrap());
    }
    let last = Digest::from_bytes([0xff; 32]);
    lines.push(seal.line(&Missing { missing: last }).unwrap());
    lines.push(seal.line(&Statement { statement: "{}".to_owned() }).unwrap());
    lines.push(seal.end().unwrap());
    lines
}

fn read(lines: &[String]) -> Result<Vec<Item>, String> {
    let mut reader = Reader::default();
    let items = lines.iter().map(|line| reader.line(line.trim_end_matches('\n')));
    let items = items.collect::<Result<Vec<_>, _>>().map_err(|fault| fault.to_string())?;
    reader.finish().map_err(|fault| fault.to_string())?;
    Ok(items)
}

#[test]
fn what_is_written_is_read() {
    let items = read(&lines()).unwrap();
    assert!(matches!(items.last(), Some(Item::End)));
    let blobs =
        items.iter().filter(|item| matches!(item, Item::Blob(digest, bytes) if Digest::of(bytes) == *digest));
    assert_eq!(blobs.count(), 3);
}

#[test]
fn each_fault_is_placed() {
    let check = |change: &dyn Fn(&mut Vec<String>), expect: &str| {
        let mut lines = lines();
        change(&mut lines);
        assert_eq!(read(&lines).unwrap_err(), expect);
    };
    let misplaced = "it stands in the wrong place: lines are missing, doubled or out of order";
    check(&|lines| lines.truncate(4), "end (line 5): it is missing: the file was cut off after 4 lines");
    check(&|lines| drop(lines.remove(0)), &format!("checkpoint (line 1): {misplaced}"));
    check(&|lines| lines.swap(2, 3), "entry 3 (line 4): it is out of order");
    check(&|lines| lines.insert(2, lines[2].clone()), "entry 3 (line 4): it is there twice");
    check(&|lines| lines.insert(4, lines[1].clone()), &format!("checkpoint (line 5): {misplaced}"));
    check(&|lines| lines.push(lines[10].clone()), "end (line 12): it follows the end of the file");
    check(&|lines| drop(lines.remove(9)), "end (line 10): 9 lines stand before it, 10 were written");
    check(
        &|lines| lines[9] = lines[9].replace("{}", "[]"),
        "end (line 11): the lines before it are not those that were written",
    );
    check(
        &|lines| lines[3] = lines[3].replace("{\"index\"", "{\"indey\""),
        "line after entry 3 (line 4): it is no line of an evidence file",
    );
    check(
        &|lines| lines[2] = lines[2].replace("\":3,", "\": 3,"),
        "entry (line 3): it is not written as an export writes it",
    );
    check(
        &|lines| lines[4] = lines[4].replace("a remark", "A remark"),
        &format!(
            "policy {} (line 5): its text has the digest {}",
            Digest::of(b"p"),
            Digest::of(b"[[tier]] # A remark\n")
        ),
    );
    check(
        &|lines| lines[0] = lines[0].replace(":1,", ":2,"),
        "header (line 1): its form is 2, this version reads 1",
    );
}

#[test]
fn bytes_are_written_in_one_way() {
    let check = |line: &str, expect: Result<&[u8], &str>| {
        let blob: Blob = serde_json::from_str(line).unwrap();
        let bytes = blob.bytes();
        match expect {
            Ok(expect) => assert_eq!(bytes.as_deref(), Ok(expect), "{line}"),
            Err(words) => assert!(bytes.clone().unwrap_err().contains(words), "{bytes:?}"),
        }
    };
    let (text, raw) = (Digest::of(b"ab"), Digest::of(b"\xff"));
    check(&format!(r#"{{"blob":"{text}","text":"ab"}}"#), Ok(b"ab"));
    check(&format!(r#"{{"blob":"{raw}","base64":"/w=="}}"#), Ok(b"\xff"));
    check(&format!(r#"{{"blob":"{text}","base64":"YWI="}}"#), Err("not written as an export"));
    check(&format!(r#"{{"blob":"{raw}","base64":"/x=="}}"#), Err("not base64"));
    check(&format!(r#"{{"blob":"{raw}","text":"ab"}}"#), Err("its bytes have the digest"));
    check(&format!(r#"{{"blob":"{raw}"}}"#), Err("not written as an export"));
}

#[test]
fn a_transcript_names_its_answers() {
    let answer = Digest::of(b"a");
    let text = format!(
        r#"{{"format":1,"limits":{{}},"calls":[{{"interface":"registry","query":{{}},"answer":{{"Ok":"{answer}"}}}},
           {{"interface":"registry","query":{{}},"answer":{{"Err":{{"NotFound":"x"}}}}}}]}}"#
    );
    assert_eq!(by_transcript(text.as_bytes()).unwrap(), [answer]);
    assert!(by_transcript(b"{}").is_err());
    assert!(Purpose::Answer.is_executed() && !Purpose::Words.is_executed());
}
