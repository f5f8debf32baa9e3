//! Accounts of this machine, as far as the operating system tells: what an entry names as a claim.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The account that this process runs as.
pub(super) fn own() -> Option<String> {
    owner(Path::new("/proc/self"))
}

/// The account that a file belongs to: `operator:NAME`, or its number where it has no name.
pub(super) fn owner(file: &Path) -> Option<String> {
    let uid = std::fs::metadata(file).ok()?.uid();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = name_of(uid, &accounts).map_or_else(|| uid.to_string(), str::to_owned);
    Some(format!("operator:{name}"))
}

/// By passwd(5): `name:password:UID:…`.
fn name_of(uid: u32, accounts: &str) -> Option<&str> {
    let uid = uid.to_string();
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1) == Some(uid.as_str())).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_a_name_or_a_number() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nbroken\nana:x:1000:1000::/home/ana:/bin/sh\n";
        assert_eq!(name_of(0, accounts), Some("root"));
        assert_eq!(name_of(1000, accounts), Some("ana"));
        assert_eq!(name_of(100, accounts), None);
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(owner(file.path()), own());
        assert_eq!(owner(Path::new("/nowhere")), None);
    }
}
