//! The packs that come with Countersign: each one text as of one date, as data.

use countersign_core::audit::Pack;

use super::AppError;

const BUILT_IN: [&str; 5] = [
    include_str!("../../packs/eu-ai-act-annex-iv.2024-07-12.toml"),
    include_str!("../../packs/sr-26-2.2026-04-17.toml"),
    include_str!("../../packs/iso-42001.2023-12-18.toml"),
    include_str!("../../packs/nist-ai-rmf.2023-01-26.toml"),
    include_str!("../../packs/21-cfr-11.1997-03-20.toml"),
];

/// All of them.
///
/// # Errors
/// When one that was built in cannot be read, which a test rules out.
pub fn packs() -> Result<Vec<Pack>, AppError> {
    let read = |text: &&str| Pack::parse(text).map_err(|error| AppError::Invalid(error.to_string()));
    BUILT_IN.iter().map(read).collect()
}

/// Those that are asked for; all where nothing is.
///
/// # Errors
/// When there is no pack of that name.
pub fn packs_named(wanted: &[String]) -> Result<Vec<Pack>, AppError> {
    let all = packs()?;
    if wanted.is_empty() {
        return Ok(all);
    }
    let find = |id: &String| all.iter().find(|pack| pack.id == *id).cloned().ok_or_else(|| unknown(id, &all));
    wanted.iter().map(find).collect()
}

fn unknown(id: &str, all: &[Pack]) -> AppError {
    let ids: Vec<&str> = all.iter().map(|pack| pack.id.as_str()).collect();
    AppError::Invalid(format!("there is no pack `{id}`: choose one of {}", ids.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_reads_and_its_file_is_named_after_its_date() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packs");
        let files: Vec<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        let packs = packs().unwrap();
        assert_eq!(files.len(), packs.len());
        for pack in packs {
            let named =
                |file: &String| file.starts_with(&pack.id) && file.contains(&format!(".{}.toml", pack.dated));
            assert!(files.iter().any(named), "{} of {}: {files:?}", pack.id, pack.dated);
            assert!(pack.source.starts_with("https://"), "{}", pack.id);
        }
    }

    #[test]
    fn packs_are_asked_for_by_name() {
        let ids = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
            let found = packs_named(&wanted).map_err(|error| error.to_string());
            found.map(|packs| packs.into_iter().map(|pack| pack.id).collect::<Vec<_>>())
        };
        assert_eq!(ids(&[]).unwrap().len(), 5);
        assert_eq!(ids(&["21-cfr-11", "eu-ai-act"]).unwrap(), ["21-cfr-11", "eu-ai-act"]);
        let error = ids(&["sr-11-7"]).unwrap_err();
        assert!(error.contains("no pack `sr-11-7`") && error.contains("sr-26-2"), "{error}");
    }
}
