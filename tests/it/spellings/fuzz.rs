//! Spellings nobody thought of: seeded, so that a failure comes back.

use super::registry::Registry;
use super::{Fate, Spelling, obey};

/// Requests sent. Those that we refuse need not be sent, and are not counted.
const SENT: usize = 160;
const TRIED: usize = 40_000;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end.max(1) as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

pub(super) fn check(registry: &Registry, seed: u64) {
    let mut dice = Dice(seed);
    let (mut sent, mut taken) = (0, 0);
    for _ in 0..TRIED {
        let spelling = odd(&mut dice, registry);
        if matches!(spelling.fate(), Fate::Refused { .. }) {
            continue;
        }
        taken += usize::from(obey(registry, &spelling));
        sent += 1;
        if sent == SENT {
            break;
        }
    }
    assert!(sent == SENT && taken > SENT / 20, "{sent} sent, {taken} taken: the dice are loaded");
}

fn odd(dice: &mut Dice, registry: &Registry) -> Spelling {
    let mut spelling = base(dice, registry);
    for _ in 0..=dice.below(3) {
        match dice.below(6) {
            0 | 1 => spelling.target = odd_path(dice, &spelling.target),
            2 => spelling.method = odd_method(dice, &spelling.method),
            3 => odd_header(dice, &mut spelling.headers),
            4 | 5 => spelling.body = odd_body(dice, &spelling.body),
            _ => {}
        }
    }
    spelling
}

fn base(dice: &mut Dice, registry: &Registry) -> Spelling {
    let calls = [
        ("POST", "registered-models/alias", r#"{"name":"MODEL","alias":"champion","version":"2"}"#),
        ("DELETE", "registered-models/alias", r#"{"name":"MODEL","alias":"champion"}"#),
        ("POST", "model-versions/transition-stage", r#"{"name":"MODEL","version":"2","stage":"Production"}"#),
        ("POST", "model-versions/set-tag", r#"{"name":"MODEL","version":"2","key":"k","value":"w"}"#),
        ("DELETE", "model-versions/delete-tag", r#"{"name":"MODEL","version":"2","key":"k"}"#),
    ];
    let (method, call, body) = dice.pick(&calls);
    Spelling::plain(method, call, &body.replace("MODEL", registry.model()))
}

fn odd_path(dice: &mut Dice, path: &str) -> String {
    let at = dice.below(path.len());
    if !path.is_char_boundary(at) || !path.is_char_boundary(at + 1) {
        return path.to_owned();
    }
    let (before, byte, after) = (&path[..at], path.as_bytes()[at], &path[at + 1..]);
    let kept = &path[at..=at];
    match dice.below(12) {
        0 => format!("{before}%{byte:02x}{after}"),
        1 => format!("{before}%25{byte:02X}{after}"),
        2 => format!("{before}{}{after}", kept.to_ascii_uppercase()),
        3 => path.replacen('/', "//", 1 + dice.below(4)),
        4 => {
            path.replacen("/api/", dice.pick(&["/ajax-api/", "/api//", "//api/", "/./api/", "/x/../api/"]), 1)
        }
        5 => format!(
            "{path}{}",
            dice.pick(&["/", "?", "?a=b", "#", ";", "%00", "%0a", "%20", ".", "%2F", "/x"])
        ),
        6 => format!(
            "{before}{}{after}",
            dice.pick(&["\\", "%5c", "%C0%AF", "%u002f", "+", "_", "*", "~", "%"])
        ),
        7 => path.replacen("2.0", dice.pick(&["3.0", "2.00", "1.2", "2%2E0", "preview", "2"]), 1),
        8 => path.replacen(
            "/mlflow/",
            dice.pick(&["/mlflow/../mlflow/", "/preview/mlflow/", "/mlflow%2F", "/"]),
            1,
        ),
        9 => format!("{before}{after}"),
        10 => format!("{before}{}{after}", dice.pick(&["%ff", "%7f", "é", "/", "..", "//"])),
        _ => path.replacen("-models", dice.pick(&["-models", "_models", "-model", "%2dmodels"]), 1),
    }
}

fn odd_method(dice: &mut Dice, method: &str) -> String {
    match dice.below(4) {
        0 => method.to_lowercase(),
        1 => (*dice.pick(&["PUT", "PATCH", "GET", "HEAD", "OPTIONS", "TRACE", "PURGE", "get"])).to_owned(),
        2 => method.chars().map(|c| if dice.below(2) == 0 { c } else { c.to_ascii_lowercase() }).collect(),
        _ => method.to_owned(),
    }
}

fn odd_header(dice: &mut Dice, headers: &mut Vec<(String, String)>) {
    let types = [
        "application/json; charset=utf-8",
        "application/json;charset=utf-8;x=y",
        "APPLICATION/json",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
    ];
    let more = [
        ("x-http-method-override", "DELETE"),
        ("x-http-method", "POST"),
        ("content-encoding", "gzip"),
        ("content-encoding", "identity"),
        ("x-mlflow-workspace", ""),
        ("x-mlflow-workspace", "default"),
        ("accept", "text/html"),
        ("x-forwarded-prefix", "/p"),
        ("x-original-url", "/api/2.0/mlflow/registered-models/delete"),
        ("x-rewrite-url", "/api/2.0/mlflow/registered-models/delete"),
    ];
    match dice.below(4) {
        0 => headers.clear(),
        1 => *headers = vec![("content-type".to_owned(), (*dice.pick(&types)).to_owned())],
        _ => {
            let (name, value) = dice.pick(&more);
            headers.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
}

fn odd_body(dice: &mut Dice, body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body).into_owned();
    match dice.below(9) {
        0 => format!(" {text}\n").into_bytes(),
        1 => text.replacen("\":", "\" : ", 2).into_bytes(),
        2 => text
            .replacen('{', dice.pick(&["{\"x\":1,", "{\"name\":\"y\",", "{\"version\":\"1\",", "[{"]), 1)
            .into_bytes(),
        3 => text
            .replace("\"2\"", dice.pick(&["2", "\"02\"", "\"1\"", "\"２\"", "null", "\"2 \"", "[\"2\"]"]))
            .into_bytes(),
        4 => text
            .replace("champion", dice.pick(&["\\u0063hampion", "CHAMPION", "champion ", "chаmpion"]))
            .into_bytes(),
        5 => text
            .replace("Production", dice.pick(&["production", "PRODUCTION", "Staging", "\\u0050roduction"]))
            .into_bytes(),
        6 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        7 => serde_json::to_vec(&text).unwrap(),
        _ => {
            let mut bytes = body.to_vec();
            let at = dice.below(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
            bytes
        }
    }
}
