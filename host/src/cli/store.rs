//! `countersign store`: everything in it as JSON Lines, for backups and for moving between engines and versions.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::args::Store as Command;
use super::context::Context;
use super::failure::hinted;
use super::ledger::Aside;
use super::machinery::runtime;
use super::output::table;
use super::place::store_dir;
use super::progress;
use crate::config::Config;
use crate::store::export;
use crate::store::sled::SledStore;

pub(super) fn run(context: &Context, command: Command) -> Result<()> {
    let config = context.config()?;
    match command {
        Command::Export { out } => export(&config, out),
        Command::Import { file } => import(context, &config, &file),
        Command::Info => info(context, &config),
    }
}

/// A store that exists. One that is served is refused: an export of a moving store would be of no one moment.
fn open(config: &Config) -> Result<SledStore> {
    let dir = store_dir(config);
    ensure!(
        dir.join("db").exists(),
        hinted(
            format!("there is no store in `{}`", dir.display()),
            "`countersign serve` makes it; `url` under `[store]` says where it is",
        )
    );
    Ok(SledStore::open(dir)?)
}

fn export(config: &Config, out: Option<PathBuf>) -> Result<()> {
    let store = open(config)?;
    let mut aside = Aside::open(out)?;
    let bar = progress::bytes("exported", None);
    let written = export::export(&store, &mut bar.wrap_write(&mut aside.out as &mut dyn Write));
    bar.finish_and_clear();
    written?;
    aside.keep()
}

fn import(context: &Context, config: &Config, file: &Path) -> Result<()> {
    let failed = || format!("cannot read `{}`", file.display());
    let opened = File::open(file).with_context(failed)?;
    let bar = progress::bytes("imported", Some(opened.metadata().with_context(failed)?.len()));
    let store = SledStore::open(store_dir(config))?;
    let mut input = BufReader::new(bar.wrap_read(opened));
    let imported = runtime()?.block_on(export::import(&store, &mut input));
    bar.finish_and_clear();
    let keys = imported?;
    context.out.tell(
        &format!(
            "{keys} keys are now in `{}`; put `ledger.key` of the old store beside it",
            store_dir(config).display()
        ),
        &json!({"keys": keys, "store": store_dir(config)}),
    )
}

fn info(context: &Context, config: &Config) -> Result<()> {
    let store = open(config)?;
    let (info, disk) = (export::info(&store)?, store.size_on_disk()?);
    let heading = ["SPACE", "KEYS", "BYTES"].map(str::to_owned).to_vec();
    let spaces = info
        .spaces
        .iter()
        .map(|(name, (keys, bytes))| vec![name.clone(), keys.to_string(), bytes.to_string()]);
    let rows: Vec<_> = std::iter::once(heading).chain(spaces).collect();
    let text = format!(
        "{}\n{} keys, {} bytes of values, {disk} bytes on disk\n\n{}",
        store.path().display(),
        info.keys,
        info.bytes,
        table(&rows)
    );
    context.out.tell(&text, &json!({"path": store.path(), "disk_bytes": disk, "holds": info}))
}
