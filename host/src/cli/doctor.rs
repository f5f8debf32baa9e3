use anyhow::Result;
pub(super) fn run(_: &super::context::Context) -> Result<()> {
    Ok(())
}
