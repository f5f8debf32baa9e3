//! The baseline: one file, one committer that takes what waits, writes it as one, syncs, and acknowledges all.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use tokio::sync::{mpsc, oneshot};

/// The most appends in one group, as in the store.
const GROUP: usize = 1024;

type Job = (Vec<u8>, oneshot::Sender<()>);

pub struct RawLog {
    jobs: mpsc::Sender<Job>,
}

impl RawLog {
    pub fn create(path: &Path) -> Self {
        let file = File::create(path).unwrap();
        let (jobs, waiting) = mpsc::channel(GROUP);
        std::thread::spawn(|| commit(file, waiting));
        Self { jobs }
    }

    /// Resolves when the bytes are on disk.
    pub async fn append(&self, bytes: Vec<u8>) {
        let (done, durable) = oneshot::channel();
        self.jobs.send((bytes, done)).await.unwrap();
        durable.await.unwrap();
    }
}

fn commit(mut file: File, mut jobs: mpsc::Receiver<Job>) {
    while let Some((mut bytes, done)) = jobs.blocking_recv() {
        let mut waiting = vec![done];
        while waiting.len() < GROUP
            && let Ok((more, done)) = jobs.try_recv()
        {
            bytes.extend_from_slice(&more);
            waiting.push(done);
        }
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
        for done in waiting {
            let _ = done.send(());
        }
    }
}
