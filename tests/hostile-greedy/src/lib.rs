//! A component that imports `artifacts`: a host whose policy does not grant that must refuse to load it.

use countersign_sdk::prelude::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Greedy {
    #[serde(default)]
    path: String,
}

impl Check for Greedy {
    fn check(&self, _: &CheckInput) -> Result<Report, CannotJudge> {
        let size = artifacts::open(&self.path)?.size();
        Ok(Findings::new().report(format!("`{}` has {size} bytes", self.path)))
    }
}

countersign_sdk::check!(Greedy);

#[cfg(test)]
mod tests {
    use countersign_sdk::testing;

    #[test]
    fn cases() -> Result<(), testing::Failures> {
        testing::check_cases::<super::Greedy>("cases")
    }
}
