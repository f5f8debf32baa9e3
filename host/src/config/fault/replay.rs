//! `[replay]`: which recorded runs are executed again.

use super::reader::Reader;
use crate::config::Replay;

impl Reader<'_> {
    pub(super) fn replay(&self) -> Option<Replay> {
        let file = &self.layers.file.replay;
        let interval = self.span("replay.interval", &file.interval);
        let sample = match file.sample.as_str() {
            "never" => Some(None),
            text => match text.parse() {
                Ok(rate) => Some(Some(rate)),
                Err(_) => {
                    let message = format!("`{text}` is no share: write `1 in 20`, for instance, or `never`");
                    self.fault("replay.sample", &message)
                }
            },
        };
        Some(Replay { sample: sample?, interval: interval? })
    }
}
