//! The digest by which OpenSSF model signing names a model: SHA-256 over the SHA-256 of each file, in the order of
//! their paths. It is the subject of that tool's own statements (`https://model_signing/signature/v1.0`), hashed by
//! file, with what it leaves out by default left out.

use crate::digest::Digest;
use crate::facts::File;

/// What `model_signing.hashing.Config` passes over at the top of a model's folder.
const LEFT_OUT: [&str; 4] = [".git", ".gitattributes", ".github", ".gitignore"];

/// `None` where a file's own digest is not known, or there is no file: part of a model cannot stand for the whole.
#[must_use]
pub fn model_digest(files: &[File]) -> Option<Digest> {
    let counts = |file: &&File| !LEFT_OUT.contains(&file.path.split('/').next().unwrap_or_default());
    let mut counted: Vec<&File> = files.iter().filter(counts).collect();
    if counted.is_empty() {
        return None;
    }
    // By the parts of their paths, as Python orders paths: `a/x` before `a-b`.
    counted.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
    let digests = counted.into_iter().map(|file| Some(*file.digest?.as_bytes()));
    let digests: Vec<[u8; 32]> = digests.collect::<Option<_>>()?;
    Some(Digest::of(digests.as_flattened()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> Vec<File> {
        let file = |path: &&str| {
            let digest = Some(Digest::of(path.as_bytes()));
            File { path: (*path).to_owned(), size: path.len() as u64, digest }
        };
        paths.iter().map(file).collect()
    }

    fn check(paths: &[&str], expect: &str) {
        assert_eq!(hex::encode(model_digest(&files(paths)).unwrap().as_bytes()), expect);
    }

    /// Each file holds its own path; the digests are those of `model-signing` 1.1.1.
    #[test]
    fn agrees_with_the_tool() {
        check(
            &["MLmodel", "a-b/x", "a/x", "data/model.pkl"],
            "4f777f9de84a6edd2b58f3f7b1d25f21bef9ce196f6ec0a1e2bd305842605785",
        );
        check(
            &["MLmodel", ".gitattributes", ".git/config", "sub/.gitignore", "é", "z"],
            "d73e5b07961bf24e93933279815262dbe526cef5bebbca65e67c510d780bc341",
        );
    }

    #[test]
    fn the_order_of_the_list_means_nothing_and_a_part_is_not_the_whole() {
        let mut some = files(&["b", "a/c", "a"]);
        let whole = model_digest(&some);
        some.reverse();
        assert_eq!(model_digest(&some), whole);
        some[1].digest = None;
        assert_eq!((model_digest(&some), model_digest(&[])), (None, None));
    }
}
