//! The directory of a sled store: one process at a time, cleaned before it is opened, of a format that we know.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::checkpoint::Durable;
use super::journal::{self, Disk};
use super::layout::Layout;
use super::record::Mark;

/// sled's default is 1 GiB. What we read often is small.
const CACHE_BYTES: u64 = 12 << 20;

/// What this version reads and writes: [`Layout`], and the journal in front of it. A version that knows no journal
/// refuses it, and so cannot overlook what is only there.
const FORMAT: &[u8] = b"2";

/// Without a journal. It is brought to [`FORMAT`] when it is opened.
const FORMAT_BEFORE: &[u8] = b"1";

/// How long sled's own lock may linger after a store was closed in this very process.
const LINGER: Duration = Duration::from_secs(5);

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the store in `{}` is in use by another process{holder}: stop that one, or give this one a directory of its \
         own (`url` under `[store]`)", path.display()
    )]
    InUse { path: PathBuf, holder: String },
    #[error(
        "the store in `{}` has format {found}, this version reads formats 1 and 2: run `countersign store export` with the \
         version that wrote it, then `countersign store import` with this one", path.display()
    )]
    Format { path: PathBuf, found: String },
    #[error("`{}` holds a database that is not a Countersign store: give another directory", path.display())]
    Foreign { path: PathBuf },
    #[error(
        "the journal of the store in `{}` goes on after record {begins}, its database ends at record {applied} of \
         another time: restore the whole directory from one backup, or import an export into a new one",
        path.display()
    )]
    Journal { path: PathBuf, applied: u64, begins: u64 },
    #[error(
        "sled cannot open the store in `{}`: restore the directory from a backup, or import an export into a new one",
        path.display()
    )]
    Sled { path: PathBuf, source: sled::Error },
    #[error("the disk of the store in `{}` is full: free some space on it, then start again", path.display())]
    Full { path: PathBuf },
    #[error("cannot use the store directory `{}`", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl OpenError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_full(&source) { Self::Full { path } } else { Self::Io { path, source } }
    }

    /// What sled says; that a disk is full, it says in a text only.
    fn sled(path: &Path, source: sled::Error) -> Self {
        let path = path.to_owned();
        match source {
            sled::Error::Io(error) if is_full(&error) => Self::Full { path },
            source => Self::Sled { path, source },
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::StorageFull || error.to_string().contains("(os error 28)")
}

/// Creates the directory where it is missing, readable by its owner only, and claims it for this process.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let error = |source| OpenError::io(path, source);
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(error)?;
    let name = path.join("lock");
    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).create(true).truncate(false).open(name).map_err(error)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(OpenError::InUse { path: path.to_owned(), holder: holder(&mut file) });
        }
        Err(TryLockError::Error(source)) => return Err(error(source)),
    }
    file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(error)?;
    Ok(file)
}

/// Opens the database and brings it up to the end of the journal, which is returned. The lock must be held.
pub(super) fn open(path: &Path, disk: &Arc<dyn Disk>) -> Result<(Durable, Mark), OpenError> {
    let error = |source| OpenError::io(path, source);
    remove_unfinished_snapshots(path).map_err(error)?;
    let layout = Layout::new(open_sled(path)?);
    sync_names(path).map_err(error)?;
    let file = Arc::new(File::open(path.join("db")).map_err(error)?);
    let durable = Durable { layout, file, disk: Arc::clone(disk) };
    check_format(&durable, path)?;
    let mark = take_journal(&durable, path)?;
    Ok((durable, mark))
}

/// Everything in the journal is in the database afterwards. A crash meanwhile costs nothing: the next open begins
/// again at the same mark.
fn take_journal(durable: &Durable, path: &Path) -> Result<Mark, OpenError> {
    let io_error = |source| OpenError::io(path, source);
    let mark = durable.layout.mark();
    let applied = mark.map_err(|source| OpenError::sled(path, source))?.unwrap_or_default();
    let replay = journal::read(path, applied).map_err(io_error)?.map_err(|gap| OpenError::Journal {
        path: path.to_owned(),
        applied: gap.applied,
        begins: gap.begins,
    })?;
    if replay.mark != applied {
        tracing::info!(from = applied.sequence, to = replay.mark.sequence, "replaying the store's journal");
        durable.take(&replay.changes, replay.mark).map_err(|reason| io_error(io::Error::other(reason)))?;
    }
    Ok(replay.mark)
}

/// Marks a new store as ours, upgrades an older one; refuses one that is not ours, or not of a version we know.
fn check_format(durable: &Durable, path: &Path) -> Result<(), OpenError> {
    let found = durable.layout.format().map_err(|source| OpenError::sled(path, source))?;
    match found.as_deref() {
        Some(FORMAT) => Ok(()),
        Some(FORMAT_BEFORE) => begin_format(durable, path),
        Some(found) => {
            let found = String::from_utf8_lossy(found).into_owned();
            Err(OpenError::Format { path: path.to_owned(), found })
        }
        None if durable.layout.is_empty() => begin_format(durable, path),
        None => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

/// The format is durable before the journal has its first record. A journal that is there already was made for
/// another database, and could be taken for a part of this one later.
fn begin_format(durable: &Durable, path: &Path) -> Result<(), OpenError> {
    let io_error = |source| OpenError::io(path, source);
    if let Some(begins) = journal::first_record(path).map_err(io_error)? {
        return Err(OpenError::Journal { path: path.to_owned(), applied: 0, begins });
    }
    journal::remove(path).map_err(io_error)?;
    durable.layout.set_format(FORMAT).map_err(|source| OpenError::sled(path, source))?;
    durable.sync().map_err(io_error)
}

fn holder(file: &mut File) -> String {
    let mut pid = String::new();
    match file.take(20).read_to_string(&mut pid) {
        Ok(read) if read > 0 => format!(" (pid {pid})"),
        _ => String::new(),
    }
}

/// A kill during open leaves `snap.*.generating`, which the next open takes for a damaged database (sled issues
/// 1527 and 1533). Such a file was never finished, so nothing depends on it.
fn remove_unfinished_snapshots(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            tracing::warn!(file = %entry.path().display(), "removing a snapshot that a crash left unfinished");
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// sled's own threads may hold its file for a moment after a store was dropped. Our lock is held, so no other
/// process can be the holder.
fn open_sled(path: &Path) -> Result<sled::Db, OpenError> {
    let config = sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    let begun = Instant::now();
    loop {
        match config.open() {
            Ok(db) => return Ok(db),
            Err(sled::Error::Io(error))
                if error.kind() == io::ErrorKind::Other && begun.elapsed() < LINGER =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(source) => return Err(OpenError::sled(path, source)),
        }
    }
}

/// Makes the files themselves survive a power cut: sled syncs neither its configuration nor the directories.
fn sync_names(path: &Path) -> io::Result<()> {
    for file in ["conf", "db"] {
        File::open(path.join(file))?.sync_all()?;
    }
    File::open(path)?.sync_all()?;
    match path.canonicalize()?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
